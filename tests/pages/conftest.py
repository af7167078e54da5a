"""People and data for the tests of the pages."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.pages import data


@pytest.fixture
def analyst(db) -> User:
    return User.objects.create_user("ana", password="ana's password")


@pytest.fixture
def operator(db) -> User:
    user = User.objects.create_user("oz", password="oz's password")
    user.groups.add(Group.objects.get(name="Operators"))
    return user


@pytest.fixture
def page(client: Client, analyst: User) -> Client:
    """A browser in which the analyst is logged in."""
    client.force_login(analyst)
    return client


@pytest.fixture
def desk(operator: User) -> Client:
    """A browser in which the operator is logged in."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def sweep(real_store):
    """The sweep, written through the registry; returns the store."""
    data.write_sweep()
    return real_store


@pytest.fixture
def hostile(real_store):
    data.write_hostile()
    return real_store
