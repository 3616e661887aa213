"""Addresses that a project tells when long work has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labeler_client.rows import Rows
from labeler_client.transport import Transport


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message, and what became of it."""

    id: int
    event: str
    state: str
    attempts: int
    status_code: int | None
    error: str
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Delivery:
        """From the server's answer."""
        names = ("id", "event", "state", "attempts", "status_code", "error")
        return cls(**{name: raw[name] for name in names}, raw=raw)


class Webhook:
    """An address of a program, and what it is told of. `secret` is there only just after it was made."""

    def __init__(self, transport: Transport, raw: dict[str, Any]) -> None:
        self._transport = transport
        self.secret: str | None = raw.get("secret")
        self.raw = {name: value for name, value in raw.items() if name != "secret"}

    def __repr__(self) -> str:
        return f"<Webhook {self.id}: {self.url}>"

    @property
    def id(self) -> int:
        """The server's number for it."""
        return int(self.raw["id"])

    @property
    def url(self) -> str:
        """Where messages go."""
        return str(self.raw["url"])

    @property
    def events(self) -> list[str]:
        """What it is told of."""
        return list(self.raw["events"])

    @property
    def is_paused(self) -> bool:
        """Too many tries failed in a row: messages wait until `resume`."""
        return self.raw["paused_at"] is not None

    def change(self, **changes: Any) -> Webhook:
        """Change url, events or active."""
        self.raw = self._transport.json("PATCH", f"/api/webhooks/{self.id}/", json=changes)
        return self

    def resume(self) -> Webhook:
        """Send what waits."""
        return self.change(paused=False)

    def test(self) -> Delivery:
        """Send a message that says nothing."""
        return Delivery.of(self._transport.json("POST", f"/api/webhooks/{self.id}/test/"))

    def deliveries(self) -> Rows[Delivery]:
        """What was sent in the last 30 days, newest first."""
        return Rows(self._transport, f"/api/webhooks/{self.id}/deliveries/", {}, Delivery.of)

    def redeliver(self, delivery: Delivery | int) -> Delivery:
        """Send a message once more, now."""
        pk = delivery.id if isinstance(delivery, Delivery) else delivery
        return Delivery.of(self._transport.json("POST", f"/api/webhooks/{self.id}/deliveries/{pk}/redelivery/"))

    def delete(self) -> None:
        """Remove it, with the log of its messages."""
        self._transport.json("DELETE", f"/api/webhooks/{self.id}/")
