"""Posts as Markdown files with front matter: export and import."""
