"""`python prepare.py PASSWORD NAME...`: make the tables and the users."""

import os
import sys

import django
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - it needs the line before

call_command("migrate", verbosity=0)
for name in sys.argv[2:]:
    User.objects.create_user(name, password=sys.argv[1])
