"""The live stream: predictions as they happen on any worker, over WebSocket and server-sent events."""

from serving.stream.app import StreamApp
from serving.stream.feed import Feed
from serving.stream.hub import Hub

__all__ = ["Feed", "Hub", "StreamApp"]
