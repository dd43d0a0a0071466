"""The repositories of the domain on SQL tables, one file each."""
