"""Who calls the blog: one package for each kind of caller, that knows `OpenBlog` and no adapter."""
