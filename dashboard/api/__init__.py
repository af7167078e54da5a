"""The seams between Django REST framework and the registries: everything of the API that knows neither app."""
