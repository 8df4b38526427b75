"""Which route a request takes, and which routes a template has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gateway.asking import route
from valve_aws.triggers.gateway.places import Place
from valve_aws.triggers.gateway.routes import Kind, Route, choose

Routes = Callable[..., tuple[Route, ...]]


@pytest.mark.parametrize(
    ("target", "method", "key", "parameters"),
    [
        ("/items", "GET", "GET /items", {}),
        ("/items/", "GET", "GET /items", {}),
        ("/items/7", "GET", "GET /items/{id}", {"id": "7"}),
        ("/items/new", "GET", "ANY /items/new", {}),
        ("/items/a%2Fb", "GET", "GET /items/{id}", {"id": "a%2Fb"}),
        ("/items/7/x//y/", "PUT", "ANY /{proxy+}", {"proxy": "items/7/x//y"}),
        ("//items", "GET", "GET /items", {}),
        ("/items/7", "DELETE", "ANY /{proxy+}", {"proxy": "items/7"}),
    ],
)
def test_a_rest_api_takes_what_fits_best(
    target: str, method: str, key: str, parameters: dict[str, str]
) -> None:
    table = (("GET", "/items"), ("GET", "/items/{id}"), ("ANY", "/items/new"), ("ANY", "/{proxy+}"))
    found = choose([route(Kind.REST, path, m) for m, path in table], method, target)
    assert found is not None
    assert (found.route.key, found.parameters) == (key, parameters)


def test_an_http_api_tells_a_slash_at_the_end_apart_and_has_a_route_for_the_rest() -> None:
    exact, rest = route(Kind.HTTP, "/items", "GET"), route(Kind.HTTP, "$default")
    assert choose([exact], "GET", "/items/") is None
    found = choose([rest, exact], "GET", "/items/")
    assert found is not None
    assert found.route is rest
    assert rest.key == "$default"
    found = choose([rest, exact], "GET", "/items")
    assert found is not None
    assert found.route is exact


def test_the_method_that_is_named_comes_before_any() -> None:
    named, every = route(Kind.HTTP, "/a", "POST"), route(Kind.HTTP, "/a", "ANY")
    found = [choose([every, named], method, "/a") for method in ("POST", "GET")]
    assert [taken and taken.route for taken in found] == [named, every]


FUNCTION = """
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: app.handler
      InlineCode: "x"
"""


def keys(found: tuple[Route, ...]) -> set[tuple[str, str, str]]:
    return {(r.api.kind, r.key, r.trigger) for r in found}


def test_events_of_sam_are_routes(routes: Routes) -> None:
    found = routes(
        f"""
Globals:
  Api: {{Variables: {{mode: live}}, BinaryMediaTypes: [image~1png], Cors: "'*'"}}
Resources:{FUNCTION}
      FunctionUrlConfig: {{AuthType: AWS_IAM, InvokeMode: RESPONSE_STREAM}}
      Events:
        Get: {{Type: Api, Properties: {{Path: "/a/{{id}}", Method: get}}}}
        Web: {{Type: HttpApi, Properties: {{Path: /b, Method: post, PayloadFormatVersion: "1.0"}}}}
        Rest: {{Type: HttpApi}}
        Every: {{Type: Api, Properties: {{Path: /c, Method: any}}}}
"""
    )
    assert keys(found) == {
        ("REST", "GET /a/{id}", "F.Get"),
        ("REST", "ANY /c", "F.Every"),
        ("REST", "OPTIONS /a/{id}", ""),
        ("REST", "OPTIONS /c", ""),
        ("HTTP", "POST /b", "F.Web"),
        ("HTTP", "$default", "F.Rest"),
        ("URL", "$default", "F.Url"),
    }
    by_trigger = {r.trigger: r for r in found}
    rest, url = by_trigger["F.Get"].api, by_trigger["F.Url"]
    assert (rest.stage, rest.variables, rest.binary) == ("Prod", {"mode": "live"}, ("image~1png",))
    assert (by_trigger["F.Web"].version, by_trigger["F.Rest"].version) == ("1.0", "2.0")
    assert url.streams
    assert url.authorizer is not None
    assert url.authorizer.kind == "IAM"
    methods = {r.path: r.api.cors.methods for r in found if not r.trigger and r.api.cors}
    assert methods == {"/a/{id}": "GET,OPTIONS", "/c": "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT"}


OPENAPI = """
openapi: "3.0.1"
paths:
  /pets/{id}:
    get:
      operationId: ReadPet
      security: [{Who: []}]
      x-amazon-apigateway-integration:
        type: aws_proxy
        payloadFormatVersion: "2.0"
        uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations
    x-amazon-apigateway-any-method:
      x-amazon-apigateway-integration: {type: http_proxy, uri: "https://a.test"}
components:
  securitySchemes:
    Who:
      type: apiKey
      in: header
      name: X-Who
      x-amazon-apigateway-authorizer:
        type: request
        enableSimpleResponses: true
        authorizerPayloadFormatVersion: "2.0"
        identitySource: "$request.header.X-Who"
        authorizerUri:
          Fn::Sub: arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations
"""


@pytest.mark.parametrize("body", ["DefinitionUri: api.yaml", "DefinitionBody: {Fn::Transform: {Name: "
    "'AWS::Include', Parameters: {Location: api.yaml}}}",
    "DefinitionBody: !Transform {Name: 'AWS::Include', Parameters: {Location: api.yaml}}"])
def test_an_openapi_document_beside_the_template_is_read(routes: Routes, body: str) -> None:
    found = routes(
        f"""
Resources:{FUNCTION}
  Pets:
    Type: AWS::Serverless::HttpApi
    Properties: {{{body}, StageName: v1}}
""",
        api__yaml=OPENAPI,
    )
    assert keys(found) == {("HTTP", "GET /pets/{id}", "F.ReadPet")}
    (one,) = found
    assert one.api.stage == "v1"
    assert one.version == "2.0"
    judge = one.authorizer
    assert judge is not None
    assert (judge.kind, judge.function, judge.simple, judge.version, judge.sources) == (
        "REQUEST",
        "F",
        True,
        "2.0",
        ("$request.header.X-Who",),
    )


@pytest.mark.parametrize(
    "document",
    [
        "{Fn::Transform: {Name: 'AWS::Include', Parameters: {Location: s3://b/api.yaml}}}",
        "!Transform {Name: 'AWS::Include', Parameters: {Location: s3://b/api.yaml}}",
        "!Ref Somewhere",
        "{paths: []}",
        "{paths: {/a: {get: [], post: {x-amazon-apigateway-integration: {uri: [1], type: {}}}, parameters: 7}}}",  # noqa: E501  one document
    ],
)
def test_a_document_that_cannot_be_read_has_no_routes(routes: Routes, document: str) -> None:
    found = routes(
        f"""
Parameters: {{Somewhere: {{Type: String, Default: "s3://b/a"}}}}
Resources:{FUNCTION}
  A: {{Type: AWS::Serverless::Api, Properties: {{StageName: s, DefinitionBody: {document}}}}}
"""
    )
    assert found == ()


def test_resources_of_cloudformation_are_routes(routes: Routes) -> None:
    uri = (
        "!Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations'"
    )
    found = routes(
        f"""
Resources:{FUNCTION}
  Rest: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: r}}}}
  A: {{Type: AWS::ApiGateway::Resource, Properties: {{RestApiId: !Ref Rest, ParentId: !GetAtt Rest.RootResourceId,
    PathPart: a}}}}
  B: {{Type: AWS::ApiGateway::Resource, Properties: {{RestApiId: !Ref Rest, ParentId: !Ref A, PathPart: '{{b}}'}}}}
  Judge:
    Type: AWS::ApiGateway::Authorizer
    Properties: {{RestApiId: !Ref Rest, Name: j, Type: TOKEN, AuthorizerUri: {uri},
      IdentitySource: method.request.header.Token, IdentityValidationExpression: "t-.*"}}
  M:
    Type: AWS::ApiGateway::Method
    Properties: {{RestApiId: !Ref Rest, ResourceId: !Ref B, HttpMethod: GET, AuthorizationType: CUSTOM,
      AuthorizerId: !Ref Judge, Integration: {{Type: AWS_PROXY, Uri: {uri}}}}}
  Old:
    Type: AWS::ApiGateway::Method
    Properties: {{RestApiId: !Ref Rest, ResourceId: !GetAtt Rest.RootResourceId, HttpMethod: PUT,
      Integration: {{Type: AWS, Uri: {uri}}}}}
  Stage: {{Type: AWS::ApiGateway::Stage, Properties: {{RestApiId: !Ref Rest, StageName: live, Variables: {{v: 1}}}}}}
  Http: {{Type: AWS::ApiGatewayV2::Api, Properties: {{Name: h, ProtocolType: HTTP}}}}
  I: {{Type: AWS::ApiGatewayV2::Integration, Properties: {{ApiId: !Ref Http, IntegrationType: AWS_PROXY,
    IntegrationUri: !GetAtt F.Arn, PayloadFormatVersion: "2.0"}}}}
  R: {{Type: AWS::ApiGatewayV2::Route, Properties: {{ApiId: !Ref Http, RouteKey: "GET /h/{{x}}",
    Target: !Sub "integrations/${{I}}"}}}}
  Quick: {{Type: AWS::ApiGatewayV2::Api, Properties: {{Name: q, ProtocolType: HTTP, Target: !GetAtt F.Arn}}}}
  U: {{Type: AWS::Lambda::Url, Properties: {{TargetFunctionArn: !GetAtt F.Arn, AuthType: NONE}}}}
"""  # noqa: E501  a template is easier to read in long lines
    )
    assert keys(found) == {
        ("REST", "GET /a/{b}", "F.M"),
        ("REST", "PUT /", "F.Old"),
        ("HTTP", "GET /h/{x}", "F.I"),
        ("HTTP", "$default", "F.Quick"),
        ("URL", "$default", "F.U"),
    }
    by_trigger = {r.trigger: r for r in found}
    method = by_trigger["F.M"]
    assert (method.api.stage, method.api.variables) == ("live", {"v": "1"})
    assert method.authorizer is not None
    assert (method.authorizer.kind, method.authorizer.function, method.authorizer.pattern) == (
        "TOKEN",
        "F",
        "t-.*",
    )
    assert "mapping templates" in by_trigger["F.Old"].lacking


AUTHORIZERS = f"""
Resources:{FUNCTION}
      Events:
        Token: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: /t, Method: get}}}}
        Open: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: /o, Method: get, Auth: {{Authorizer: NONE}}}}}}
        Pool: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: /p, Method: get, Auth: {{Authorizer: Pool,
          AuthorizationScopes: [read]}}}}}}
        Iam: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: /i, Method: get, Auth: {{Authorizer: AWS_IAM}}}}}}
        Far: {{Type: Api, Properties: {{RestApiId: !Ref Rest, Path: /f, Method: get, Auth: {{Authorizer: Far}}}}}}
        Jwt: {{Type: HttpApi, Properties: {{ApiId: !Ref Web, Path: /j, Method: get}}}}
        Simple: {{Type: HttpApi, Properties: {{ApiId: !Ref Web, Path: /s, Method: get, Auth: {{Authorizer: Simple}}}}}}
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Auth:
        DefaultAuthorizer: Token
        Authorizers:
          Token: {{FunctionArn: !GetAtt F.Arn, Identity: {{Header: X-Token, ValidationExpression: "t-.*"}}}}
          Pool: {{UserPoolArn: "arn:aws:cognito-idp:eu-west-1:1:userpool/p"}}
          Far: {{FunctionArn: "arn:aws:lambda:eu-west-1:999999999999:function:far"}}
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers:
          Jwt: {{IdentitySource: $request.header.Authorization, JwtConfiguration: {{issuer: "https://i.test",
            audience: [me]}}}}
          Simple: {{FunctionArn: !GetAtt F.Arn, AuthorizerPayloadFormatVersion: "2.0", EnableSimpleResponses: true,
            Identity: {{Headers: [X-A], QueryStrings: [q]}}}}
"""  # noqa: E501  a template is easier to read in long lines


def test_each_route_has_its_authorizer(routes: Routes) -> None:
    found = {r.trigger: r for r in routes(AUTHORIZERS)}
    told = {
        name: (a.kind, a.function, a.sources) if (a := one.authorizer) else None
        for name, one in found.items()
    }
    assert told == {
        "F.Token": ("TOKEN", "F", ("$request.header.X-Token",)),
        "F.Open": None,
        "F.Pool": ("COGNITO", "", ("$request.header.Authorization",)),
        "F.Iam": ("IAM", "", ()),
        "F.Far": ("UNKNOWN", "", ("$request.header.Authorization",)),
        "F.Jwt": ("JWT", "", ("$request.header.Authorization",)),
        "F.Simple": ("REQUEST", "F", ("$request.header.X-A", "$request.querystring.q")),
    }
    pool, jwt = found["F.Pool"].authorizer, found["F.Jwt"].authorizer
    assert pool is not None
    assert pool.scopes == ("read",)
    assert jwt is not None
    assert jwt.audience == ("me",)


def test_the_event_s_own_authorizer_comes_first_then_the_document_s_then_the_default(routes: Routes) -> None:
    found = routes(
        f"""
Resources:{FUNCTION}
      Events:
        Own: {{Type: Api, Properties: {{RestApiId: !Ref A, Path: /own, Method: get, Auth: {{Authorizer: NONE}}}}}}
        Said: {{Type: Api, Properties: {{RestApiId: !Ref A, Path: /said, Method: get}}}}
        Plain: {{Type: Api, Properties: {{RestApiId: !Ref A, Path: /plain, Method: get}}}}
  A:
    Type: AWS::Serverless::Api
    Properties:
      StageName: s
      Auth:
        DefaultAuthorizer: Default
        Authorizers:
          Default: {{FunctionArn: !GetAtt F.Arn}}
          Other: {{FunctionArn: !GetAtt F.Arn, FunctionPayloadType: REQUEST}}
      DefinitionBody:
        paths:
          /own: {{get: {{security: [Other: []]}}}}
          /said: {{get: {{security: [Other: []]}}}}
          /plain: {{get: {{}}}}
"""  # noqa: E501  a template is easier to read in long lines
    )
    told = {r.path: r.authorizer.name if r.authorizer else None for r in found}
    assert told == {"/own": None, "/said": "Other", "/plain": "Default"}


def test_a_name_or_a_path_tells_which_api_is_meant(routes: Routes) -> None:
    found = routes(AUTHORIZERS.replace("Handler:", "FunctionUrlConfig: {AuthType: NONE}\n      Handler:", 1))
    place = Place(found)
    rest = next(r.api for r in found if r.api.kind is Kind.REST)
    web = next(r.api for r in found if r.api.kind is Kind.HTTP)

    def apis(host: str, path: str) -> tuple[set[str], str]:
        there = place.of(host, path)
        return {r.api.kind for r in there.routes}, there.path

    assert apis("127.0.0.1", "/t") == ({"REST", "HTTP"}, "/t")
    assert apis(rest.host, "/v1/t/x") == ({"REST"}, "/t/x")
    assert apis("rest.execute-api.localhost", "/v1") == ({"REST"}, "/")
    assert apis(rest.host, "/t") == (set(), "/t")
    assert apis(web.host, "/v1/t") == ({"HTTP"}, "/v1/t")
    assert apis("f.lambda-url.localhost", "/v1/t") == ({"URL"}, "/v1/t")
    assert apis("localhost", f"/_aws/execute-api/{rest.ident}/v1/t") == ({"REST"}, "/t")
    assert apis("localhost", f"/_aws/execute-api/{rest.logical}/v1/t") == ({"REST"}, "/t")
    assert apis("localhost", "/_aws/execute-api/nobody/v1/t") == (set(), "/_aws/execute-api/nobody/v1/t")
