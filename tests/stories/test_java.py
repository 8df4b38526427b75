"""A function of Java that brings its own client along: a Java of the host runs it, and trusts the valve."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from world import World

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Files: {Type: AWS::S3::Bucket}
  Reader:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: example.Reader
      Runtime: java17
      Timeout: 60
      MemorySize: 512
      Environment: {Variables: {BUCKET: !Ref Files}}
      Policies: [{S3ReadPolicy: {BucketName: !Ref Files}}]
"""
BOOTSTRAP = """#!/bin/sh
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC /var/task/Reader.java
"""
SOURCE = """
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

public class Reader {
  static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  static HttpRequest.Builder to(String place) {
    return HttpRequest.newBuilder(URI.create(place));
  }

  public static void main(String[] words) throws Exception {
    var api = "http://" + System.getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/";
    var file = "https://" + System.getenv("BUCKET") + ".s3.us-east-1.amazonaws.com/note";
    while (true) {
      var event = CLIENT.send(to(api + "next").build(), BodyHandlers.ofString());
      var read = CLIENT.send(to(file).build(), BodyHandlers.ofString());
      var said = read.statusCode() == 200 ? read.body() : "refused";
      var told = String.format("[%s, %d, \\"%s\\", \\"%s\\"]", event.body(), read.statusCode(), said,
          System.getenv("AWS_EXECUTION_ENV"));
      var id = event.headers().firstValue("Lambda-Runtime-Aws-Request-Id").get();
      var answer = to(api + id + "/response").POST(HttpRequest.BodyPublishers.ofString(told));
      CLIENT.send(answer.build(), BodyHandlers.ofString());
    }
  }
}
"""


@pytest.mark.slow
def test_a_client_in_java_trusts_the_valve_and_is_judged(
    laid: Callable[[dict[str, str]], Path], cloud: str
) -> None:
    if not shutil.which("javac"):
        pytest.skip("there is no Java on this host")
    files = {"template.yaml": TEMPLATE, "seed.yaml": "Files: {note: a text}\n", "src/bootstrap": BOOTSTRAP}
    template = laid({**files, "src/Reader.java": SOURCE})
    (template.parent / "src" / "bootstrap").chmod(0o755)
    world = World(template.parent, cloud)
    told = ("Reader", "-e", "-", "--seed", "seed.yaml", "--mode")
    open_to_all = world.invoke(*told, "audit", stdin="1")
    assert open_to_all.result == [1, 200, "a text", "AWS_Lambda_java17"], open_to_all.err
    guarded = world.invoke(*told, "enforce", stdin="2")  # the request is signed by nobody
    assert (guarded.code, guarded.result) == (3, [2, 403, "refused", "AWS_Lambda_java17"]), guarded.err
