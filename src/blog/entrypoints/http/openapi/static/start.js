"use strict";

const docs = document.getElementById("docs");

// Where a token need not be shown, Swagger UI shows a closed lock before anybody has logged in.
const openLocks = () => ({
  statePlugins: {
    auth: {
      wrapSelectors: {
        isAuthorized: (original) => (state, securities) =>
          original(state, securities?.filter((security) => security.size > 0)),
      },
    },
  },
});

SwaggerUIBundle({
  url: docs.dataset.document,
  domNode: docs,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: true,
  plugins: [openLocks],
  requestInterceptor: (request) => {
    // A token that was pasted with its scheme has two then.
    const shown = request.headers?.Authorization;
    if (shown) request.headers.Authorization = shown.replace(/^Bearer\s+(?:Bearer|Token)\s+/i, "Bearer ");
    return request;
  },
  tryItOutEnabled: true,
  validatorUrl: null,
});
