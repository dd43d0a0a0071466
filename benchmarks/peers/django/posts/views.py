"""Anybody reads, whoever has a token writes, only its author changes or deletes a post."""

from rest_framework import permissions, serializers, viewsets

from .models import Post


class PostSerializer(serializers.ModelSerializer):
    author = serializers.ReadOnlyField(source="user.username")

    class Meta:
        model = Post
        fields = ["id", "title", "body", "user", "author", "created_at", "updated_at"]
        read_only_fields = ["user"]


class IsOwnerOrReadOnly(permissions.BasePermission):
    def has_object_permission(self, request, view, post):
        return request.method in permissions.SAFE_METHODS or post.user_id == request.user.id


class PostViewSet(viewsets.ModelViewSet):
    queryset = Post.objects.select_related("user")
    serializer_class = PostSerializer
    permission_classes = [permissions.IsAuthenticatedOrReadOnly, IsOwnerOrReadOnly]

    def perform_create(self, serializer):
        serializer.save(user=self.request.user)
