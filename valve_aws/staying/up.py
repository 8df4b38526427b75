"""`valve up`: one port for every service of the cloud, the Lambda API, APIs and function URLs.

Knows which of them a request is for. Does not know what any of them answers.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from valve_aws.answering.entrance import Entrance
from valve_aws.answering.operating import Operating
from valve_aws.api.operations import PACKAGES, LambdaApi
from valve_aws.api.origins import stranger
from valve_aws.api.reading import Request
from valve_aws.api.urls import closed
from valve_aws.api.web import LARGEST
from valve_aws.api.wired import limit
from valve_aws.commands.told import gather
from valve_aws.commands.verbs import harmless_log, say
from valve_aws.model.call import Head
from valve_aws.model.safe import plain
from valve_aws.model.stack import Stack
from valve_aws.proxy import Exchange
from valve_aws.proxy.grammar import Malformed
from valve_aws.proxy.head import certain
from valve_aws.staying.lasting import Lasting
from valve_aws.staying.standing import answering, bound, meant, opened, staying, told_to_end
from valve_aws.triggers.gateway.mounting import cors_of
from valve_aws.triggers.gateway.places import PREFIX
from valve_aws.triggers.gateway.routes import Api, Authorizer, Kind, Route

SCOPE = re.compile(r"Credential=[^/,\s]+/[0-9]{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request")
LAMBDA = re.compile(r"/20[0-9]{2}-[0-9]{2}-[0-9]{2}/")
"""How every path of the Lambda API begins: with the date of its version."""

HERE = ("localhost", "amazonaws.com", "amazonaws.com.cn", "on.aws")
"""Names under which this port may be asked for, or what they end with."""

ADDRESS = re.compile(r"[0-9.]+|[0-9a-f:]*:[0-9a-f:.]*")


def up(host: str, port: int, fresh: bool, authorize: bool, told: Mapping[str, Any]) -> int:
    """Serve a template until told to end; return the exit code."""
    settings = gather(told)
    logging.getLogger().addHandler(harmless_log())
    bound(host, port).close()  # Why before all else: what is kept is not begun anew for nothing
    return staying(_up(meant(Lasting.begun(settings, say, fresh)), host, port, authorize))


async def _up(valve: Lasting, host: str, port: int, authorize: bool) -> int:
    async with opened(valve):
        say(f"valve: {valve.beginning}")
        entrance = valve.entrance(lambda: str(uuid.uuid4()), authorize=authorize)
        served = Port(entrance, await valve.operating(), host)
        served.functions = valve.lambda_api(address=served.address)
        async with answering(served.request, host, port) as url:
            served.url = url
            for line in (*_listed(valve.stack), *entrance.told(url, bare=False)):
                say(f"valve: {line}")
            say(f"valve: up at {url}: every service, the Lambda API, APIs and URLs; Ctrl-C ends it")
            await told_to_end()
            say("valve: ending")
        await entrance.close()
    return 0


def _listed(stack: Stack) -> Iterator[str]:
    """Yield what a client may ask for, by the names it has."""
    for resource in stack.resources.values():
        if resource.arn and ":execute-api:" not in resource.arn:
            yield f"{resource.logical}: {plain(resource.arn)}"
    for function in stack.functions.values():
        yield f"{function.logical}: {plain(function.arn)}"


class Port:
    """What answers at the one port."""

    functions: LambdaApi

    def __init__(self, entrance: Entrance, cloud: Operating, host: str) -> None:
        """`host` is what the port was asked to listen on."""
        self._entrance, self._cloud, self._host = entrance, cloud, host
        self.url = ""

    def address(self, ident: str) -> str:
        """Return where a function URL that is made over the API answers."""
        return f"http://{ident}.lambda-url.localhost:{self.url.rpartition(':')[2]}/"

    async def request(self, exchange: Exchange) -> None:
        """Hand a request to whom it is for."""
        head = exchange.head
        path = head.target.partition("?")[0]
        if not self._near(head.host):
            raise Malformed(f"`{head.host}` is no name of this port", 421)
        if self._entrance.place.named(head.host) or tuple(path.split("/")[1:3]) == PREFIX:
            await self._entrance.request(exchange)
            return
        if head.host.partition(".")[2].startswith("lambda-url."):
            await self._entrance.request(exchange, self._made(head.host.partition(".")[0]))
            return
        # Why: a page that somebody else wrote may ask, in the browser of whoever reads it here.
        if (page := stranger(head.header, self._host)) is not None:
            raise Malformed(f"`{page}` may not ask here", 403)
        certain(head.headers)
        if _service(head, path) == "lambda":
            await self._asked(exchange)
        else:
            await self._cloud.request(exchange)

    def _near(self, host: str) -> bool:
        """Say whether a name can only mean this machine, or AWS: any other may be somebody's who leads it
        here."""
        named = any(host == each or host.endswith(f".{each}") for each in HERE)
        return named or host == self._host.lower() or ADDRESS.fullmatch(host) is not None

    def _made(self, ident: str) -> Route | None:
        """Return the route of a function URL that was made over the API; None where there never was one."""
        registry, asked = self.functions.desk.registry, urlsplit(self.address(ident)).hostname
        place = registry.place
        api = Api(Kind.URL, ident, ident, "$default", place.account, place.region)
        for name, deployed in registry.functions.items():
            for qualifier, url in deployed.urls.items():
                if urlsplit(url["FunctionUrl"]).hostname != asked:
                    continue
                version = registry.version(name, qualifier, self.functions.desk.draw())
                return Route(
                    replace(api, logical=name, cors=cors_of(Kind.URL, url)),
                    "ANY",
                    "$default",
                    replace(version.function, reserved=limit(deployed, version)),
                    "",
                    authorizer=Authorizer("AWS_IAM", "IAM") if url["AuthType"] == "AWS_IAM" else None,
                    streams=url["InvokeMode"] == "RESPONSE_STREAM",
                    arn=place.arn(name, qualifier),
                    closed=closed(deployed, qualifier),
                )
        former = any(urlsplit(each).hostname == asked for each in registry.former)
        return Route(api, "ANY", "$default", "", "", closed=True) if former else None

    async def _asked(self, exchange: Exchange) -> None:
        head = exchange.head
        body = await exchange.collect(LARGEST)
        answer = await self.functions.answer(Request(head.method, head.target, dict(head.headers), body))
        await exchange.respond(answer.status, answer.headers, answer.body)


def _service(head: Head, path: str) -> str:
    """Return which service a request is for: what it is signed for, else what its path looks like."""
    signed = SCOPE.search(head.header("authorization") or "")
    if signed is not None:
        return signed.group(1)
    return "lambda" if LAMBDA.match(path) or path.startswith(PACKAGES) else ""
