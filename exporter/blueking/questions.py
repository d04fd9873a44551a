"""Questions: what is asked of an endpoint, and the request that carries it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import requests


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the endpoint at an address: `fields`, in the query of a GET, in the JSON body of a POST."""

    endpoint: str
    address: str
    method: Literal["GET", "POST"]
    fields: Mapping[str, object]

    def request(self, headers: Mapping[str, str], params: Mapping[str, str]) -> requests.Request:
        """Return the request with these headers, and with `params` beside the question's own fields (api.md)."""
        fields = {**self.fields, **params}
        if self.method == "POST":
            return requests.Request("POST", self.address, json=fields, headers=headers)
        return requests.Request("GET", self.address, params=fields, headers=headers)
