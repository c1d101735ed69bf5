"""BentoML's service, with Tiffin's application in the place of its own.

Only BentoML's own extension points are used: `@bentoml.service(service_class=...)`, `to_asgi`, the application factory.
"""

from __future__ import annotations

import gc
from typing import Any

from _bentoml_sdk import Service
from _bentoml_sdk.models import BentoModel


class TiffinService(Service[Any]):
    """A BentoML service whose application has the front door before it.

    `inner` has `settings`, `champions()` and `management()`, what is mounted beside the APIs; its instances have a
    `worker`.
    """

    @property
    def models(self) -> list[Any]:
        """The champions as they are now: `bentoml build` puts them into the Bento. None trained: none."""
        return [BentoModel(tag) for tag in self.inner.champions()]

    @models.setter
    def models(self, _: list[Any]) -> None:
        """BentoML's constructor sets the list it would keep; ours is always looked up."""

    def to_asgi(self, is_main: bool = True) -> Any:
        gc.disable()  # until the worker starts: what is imported is no garbage
        from serving.application import application  # what only workers need

        self.mount_asgi_app(self.inner.management(), path="/", name="management")
        self.inject_config()
        return application(self, self.inner.settings, is_main=is_main)
