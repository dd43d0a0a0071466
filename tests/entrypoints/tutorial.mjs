// The tutorial's client, as it stands in its pages: fetch, with and without the slash at the end.
const [base, username, password] = process.argv.slice(2);
const statuses = [];

async function ask(path, options = {}) {
  const answer = await fetch(base + path, options);
  statuses.push(answer.status);
  return answer.status === 204 ? null : answer.json();
}

const json = { "Content-Type": "application/json" };
const { token, user } = await ask("api/login/", {
  method: "POST",
  headers: json,
  body: JSON.stringify({ username, password }),
});
const signed = { ...json, Authorization: `Token ${token}` };
const post = { title: "My post", body: "Written with fetch.", user: user.id };

const created = await ask("api/posts/", { method: "POST", headers: signed, body: JSON.stringify(post) });
await ask("api/posts/", { method: "POST", headers: json, body: JSON.stringify(post) });
const listed = await ask("api/posts/");
await ask(`api/posts/${created.id}`, { method: "PUT", headers: signed, body: JSON.stringify({ ...post, title: "Another" }) });
const read = await ask(`api/posts/${created.id}/`);
await ask(`api/posts/${created.id}`, { method: "DELETE", headers: signed });
await ask(`api/posts/${created.id}`);
await ask("api/logout/", { method: "POST", headers: signed });
await ask("api/users/me/", { headers: signed });

console.log(JSON.stringify({ statuses, listed: listed.results.length, title: read.title, author: read.author }));
