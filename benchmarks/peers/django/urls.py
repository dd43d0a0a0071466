"""The tutorial's addresses."""

from django.urls import include, path
from posts.views import PostViewSet
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.routers import DefaultRouter

router = DefaultRouter()
router.register("posts", PostViewSet)

urlpatterns = [path("api/", include(router.urls)), path("api/login/", obtain_auth_token)]
