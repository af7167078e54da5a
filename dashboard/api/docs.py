"""The description of the API: OpenAPI 3.1, and a page to read and try it."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpResponse
from drf_spectacular import views
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.filters import RepositoryFilterSet, TextFilter
from dashboard.api.renderers import BrowsableRenderer
from dashboard.api.views import ApiMixin


class SchemaView(ApiMixin, views.SpectacularAPIView):
    """The OpenAPI description, in JSON unless YAML is asked for."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2]

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer the description, which is the same for everybody."""
        return Response(_schema(), headers={"Cache-Control": "private, no-cache"})


class DocsFilterSet(RepositoryFilterSet):
    """What drf-spectacular's page asks itself for."""

    script = TextFilter(label="Script")


class DocsView(ApiMixin, views.SpectacularSwaggerSplitView):
    """A page to read the description and to try the API; its script has an address of its own, as the CSP asks."""

    renderer_classes = [TemplateHTMLRenderer]
    template_name = "rest_framework/docs.html"
    url_name = "api-schema"

    def get_filterset_class(self) -> type[DocsFilterSet]:
        """Return the parameters of the page, whose script is the page itself with `script` in its address."""
        return DocsFilterSet

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response | HttpResponse:
        """Show errors on the browsable page: the template has no place for them."""
        if getattr(response, "exception", False):
            request.accepted_renderer, request.accepted_media_type = BrowsableRenderer(), "text/html"
        return super().finalize_response(request, response, *args, **kwargs)


@cache
def _schema() -> dict[str, Any]:
    return views.SpectacularAPIView.generator_class().get_schema(request=None, public=True)
