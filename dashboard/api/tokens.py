"""Logging in by token: simplejwt's views with our limits, our JSON and our errors."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt import views
from rest_framework_simplejwt.serializers import TokenBlacklistSerializer

from dashboard.api.parsers import receive_chunks
from dashboard.api.schema import RETRY_AFTER, answers
from dashboard.api.throttles import LoginThrottle
from dashboard.api.views import ApiMixin


class TokenMixin(ApiMixin):
    """What the three views share: nobody is logged in here yet, and attempts are limited."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes = [LoginThrottle]
    name: str

    def get_view_name(self) -> str:
        """Return the title of the browsable page."""
        return self.name

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Receive the body first: the limit counts by the name that is in it."""
        receive_chunks(request._request)
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Keep tokens out of every cache."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


class LogInView(TokenMixin, views.TokenObtainPairView):
    """Log in: a pair of tokens for a name and a password."""

    name = "Log in"

    @extend_schema(
        operation_id="token_obtain",
        tags=["token"],
        summary="Log in",
        description="Send the `access` token as `Authorization: Bearer ...`; the `refresh` token buys a new one.",
        parameters=[RETRY_AFTER],
        auth=[],
        responses=answers(views.TokenObtainPairView().get_serializer_class(), 413, 415),
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer a pair of tokens."""
        return super().post(request, *args, **kwargs)


class RefreshView(TokenMixin, views.TokenRefreshView):
    """Stay logged in: a new access token for a refresh token."""

    name = "Refresh"

    @extend_schema(
        operation_id="token_refresh",
        tags=["token"],
        summary="Refresh",
        description="Answers a new pair; the refresh token that was sent is worth nothing afterwards.",
        parameters=[RETRY_AFTER],
        auth=[],
        responses=answers(views.TokenRefreshView().get_serializer_class(), 413, 415),
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer new tokens."""
        return super().post(request, *args, **kwargs)


class LogOutView(TokenMixin, views.TokenBlacklistView):
    """Log out: a refresh token is worth nothing from now on."""

    name = "Log out"

    @extend_schema(
        operation_id="token_blacklist",
        tags=["token"],
        summary="Log out",
        description="Makes the refresh token worthless. An access token lives until it runs out.",
        parameters=[RETRY_AFTER],
        auth=[],
        request=TokenBlacklistSerializer,
        responses=answers(None, 413, 415)
        | {(200, "application/json"): OpenApiResponse(description="It is worth nothing any more.")},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take the token back."""
        return super().post(request, *args, **kwargs)
