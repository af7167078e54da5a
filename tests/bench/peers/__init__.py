"""The dashboard beside what most would build: the Django ORM on Postgres, Django REST framework, the same runs."""
