"""The live stream: channels that many listen to, over WebSocket and as server-sent events."""
