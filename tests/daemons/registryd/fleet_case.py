# SPDX-License-Identifier: Apache-2.0
"""What tests of the fleet share: events as they are posted and as they are watched."""

import http.client
import queue
import threading

from registry_case import PATIENCE

FLEET = "/api/v1/fleet"


class Watch:
    """A subscription to the events; `next` gives them as (name, id, data)."""

    def __init__(self, port, last=None, **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self.connection.request("GET", "/api/v1/events", headers=headers)
        self.response = self.connection.getresponse()
        self.events = queue.Queue()
        if self.response.status == 200:
            self.thread = threading.Thread(target=self.read, daemon=True)
            self.thread.start()

    def read(self):
        fields = {}
        try:
            for line in self.response:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif fields:
                    self.events.put((fields.get("event"), fields.get("id"), fields.get("data")))
                    fields = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # it was closed

    def next(self):
        return self.events.get(timeout=PATIENCE)

    def close(self):
        self.connection.sock.shutdown(2)
        self.connection.close()


def rollout(name, *events, first=0, **more):
    return {"rollout": name, "name": "deploy", "by": "ada@admin", "first": first,
            "events": list(events), **more}


def start_of(*hosts):
    return {"event": "run_start", "time": "2026-02-01T10:00:00Z", "playbook": "deploy-models.yaml",
            "hosts": list(hosts)}


def model(host, outcome="sent", version="2026-02-01", name="face", **more):
    return {"event": "model", "host": host, "model": name, "version": version, "outcome": outcome,
            **more}


def look(host, *models, state="as_wanted", **more):
    return {"event": "host", "host": host, "state": state, "models": list(models), **more}


def seen(name="face", state="ok", wanted="2026-02-01", **more):
    return {"model": name, "wanted": wanted, "state": state, **more}
