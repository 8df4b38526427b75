"""Functions: properties, Globals, code, layers, names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from valve_aws.model.source import Invalid
from valve_aws.model.stack import Durable, Stack

Read = Callable[..., Stack]


def test_globals_lie_under_a_function_s_own_properties(read: Read) -> None:
    stack = read(
        """
        Transform: AWS::Serverless-2016-10-31
        Globals:
          Function:
            Runtime: python3.12
            Timeout: 30
            Layers: [arn:aws:lambda:eu-west-1:1:layer:first:1]
            Environment: {Variables: {A: global, B: global}}
          Junk: {x: y}
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties:
              Handler: app.handler
              MemorySize: 256
              Timeout: 5
              EphemeralStorage: {Size: 1024}
              Architectures: [arm64]
              Layers: [arn:aws:lambda:eu-west-1:1:layer:second:4]
              Environment: {Variables: {B: own}}
              CodeUri: src/
              Nonsense: true
        """,
        files={"src/app.py": ""},
    )
    f = stack.functions["F"]
    assert (f.runtime, f.handler, f.timeout, f.memory, f.ephemeral, f.architecture) == (
        "python3.12",
        "app.handler",
        5,
        256,
        1024,
        "arm64",
    )
    assert f.environment == {"A": "global", "B": "own"}
    assert [layer.name for layer in f.layers] == ["first", "second"]
    assert all("not on this machine" in layer.code.missing for layer in f.layers)
    assert f.code.folder is not None
    assert f.code.folder.name == "src"
    assert (f.where.line, f.where.column) == (12, 5)
    assert not stack.warnings


def test_tags_come_as_a_map_or_as_a_list(read: Read) -> None:
    stack = read(
        """
        Transform: AWS::Serverless-2016-10-31
        Globals: {Function: {Tags: {team: shop}}}
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties: {Runtime: python3.12, Handler: app.handler, InlineCode: x, Tags: {tier: 1}}
          G:
            Type: AWS::Lambda::Function
            Properties:
              Runtime: python3.12
              Handler: index.handler
              Code: {ZipFile: x}
              Tags: [{Key: tier, Value: two}]
        """
    )
    assert stack.functions["F"].tags == {"team": "shop", "tier": "1"}
    assert stack.functions["G"].tags == {"tier": "two"}


def test_a_plain_cloudformation_function_in_json_is_read(read: Read) -> None:
    stack = read(
        """
        {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {
            "Runtime": "python2.7", "Handler": "index.handler", "Timeout": "7",
            "Role": {"Fn::GetAtt": ["R", "Arn"]}, "Code": {"ZipFile": {"Fn::Join": ["\\n", ["a", "b"]]}}}},
          "R": {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyName": "p", "PolicyDocument": {
            "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}}]}}}}
        """,
        name="template.json",
    )
    f = stack.functions["F"]
    assert (f.code.inline, f.timeout, f.runtime, f.unmanaged_role) == ("a\nb", 7, "python2.7", False)
    assert [s.actions for s in f.statements] == [("s3:*",)]


def test_defaults_are_those_of_aws(read: Read) -> None:
    f = read("Resources: {F: {Type: AWS::Serverless::Function, Properties: {InlineCode: x}}}").functions["F"]
    assert (f.timeout, f.memory, f.ephemeral, f.package, f.architecture) == (3, 128, 512, "Zip", "x86_64")


@pytest.mark.parametrize("runtime", ["python3.14", "python2.7", "nodejs4.3", "provided.al2023", "cobol85"])
def test_a_runtime_is_never_refused(read: Read, runtime: str) -> None:
    stack = read(
        f"Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{Runtime: {runtime}, "
        f"InlineCode: x}}}}}}"
    )
    assert stack.functions["F"].runtime == runtime


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ("Timeout: soon", "`Timeout` must be a whole number from 1 to 900, not `soon`"),
        ("Timeout: 0", "`Timeout`"),
        ("MemorySize: 64", "`MemorySize` must be a whole number from 128"),
        ("Handler: [a]", "`Handler` must be text, not a list"),
        ("Environment: [a]", "`Environment` must be a mapping, not a list"),
        ("Environment: {Variables: {A: {b: c}}}", "the variable `A` must be text, not a mapping"),
        ("Environment: {Variables: {'A=B': c}}", "cannot be an environment variable"),
        ("Layers: x", "`Layers` must be a list"),
        ("Events: [x]", "`Events` must be a mapping"),
        ("Policies: [{Statement: [{Effect: Maybe, Action: '*'}]}]", "`Effect` is `Allow` or `Deny`"),
        ("Policies: [{S3ReadPolicy: {}}]", "`S3ReadPolicy` needs the parameter `BucketName`"),
        ("FunctionName: {a: b}", "`FunctionName` must be text"),
    ],
)
def test_a_mistake_is_told_with_its_place(read: Read, properties: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(
            f"Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      "
            f"InlineCode: x\n      {properties}\n"
        )
    assert words in str(caught.value)
    assert str(caught.value).startswith("template.yaml:6:")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b", "without `Resources`"),
        ("[a]", "must be a mapping"),
        ("", "without `Resources`"),
        ("Resources: [a]", "`Resources` must be a mapping"),
        ("Resources: {F: text}", "the resource `F` must be a mapping"),
        ("Resources: {F: {Properties: {}}}", "has no `Type`"),
        ("Resources: {F: {Type: AWS::S3::Bucket, Properties: [a]}}", "`Properties` must be a mapping"),
        ("Resources: {F: {Type: AWS::S3::Bucket, Condition: C}}", "there is no condition `C`"),
        ("Resources: {}\nParameters: [a]", "`Parameters` must be a mapping"),
        ("Resources: {}\nMetadata: [a]", "`Metadata` must be a mapping"),
        ("Resources: {}\nGlobals: {Function: [a]}", "`Globals.Function` must be a mapping"),
    ],
)
def test_a_template_of_the_wrong_shape_is_refused(read: Read, text: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(text)
    assert words in str(caught.value)
    assert caught.value.where.file == "template.yaml"


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ("CodeUri: s3://bucket/key", "s3://bucket/key"),
        ("CodeUri: {Bucket: b, Key: k}", "s3://b/k"),
        ("CodeUri: {S3Bucket: b, S3Key: k}", "s3://b/k"),
        ("{PackageType: Image, ImageUri: x}", "container image"),
        ("CodeUri: nowhere/", "not there"),
        ("CodeUri: notes.txt", "neither a folder nor an archive"),
        ("CodeUri: !ImportValue x", "known only at deployment"),
    ],
)
def test_code_that_is_not_on_this_machine_says_so(read: Read, properties: str, words: str) -> None:
    body = properties if properties.startswith("{") else f"{{{properties}}}"
    stack = read(
        f"Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {body}}}}}", files={"notes.txt": "x"}
    )
    assert words in stack.functions["F"].code.missing


def test_code_is_the_template_s_own_folder_when_nothing_is_said(read: Read, tmp_path: Path) -> None:
    stack = read("Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b}}}")
    assert stack.functions["F"].code.folder == tmp_path.resolve()


def test_an_archive_and_an_asset_of_the_cdk_are_found(read: Read, tmp_path: Path) -> None:
    stack = read(
        """
        Resources:
          Zip: {Type: AWS::Serverless::Function, Properties: {CodeUri: f.zip}}
          Asset:
            Type: AWS::Lambda::Function
            Properties: {Code: {S3Bucket: b, S3Key: k}, Handler: a.b, Role: x}
            Metadata: {'aws:asset:path': asset.1, 'aws:asset:property': Code}
        """,
        files={"f.zip": "x", "asset.1/a.py": ""},
    )
    assert stack.functions["Zip"].code.archive == tmp_path.resolve() / "f.zip"
    assert stack.functions["Asset"].code.folder == tmp_path.resolve() / "asset.1"


def test_layers_of_the_template_come_with_their_code_in_order(read: Read) -> None:
    stack = read(
        """
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties:
              InlineCode: x
              Layers: [!Ref Two, !Sub 'arn:aws:lambda:${AWS::Region}:1:layer:Powertools:79', !Ref One]
          One: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: one/}}
          Two: {Type: AWS::Lambda::LayerVersion, Properties: {Content: two}}
        """,
        files={"one/x.py": "", "two/y.py": ""},
    )
    names = [
        (layer.name, layer.code.folder.name if layer.code.folder else layer.code.missing[:13])
        for layer in stack.functions["F"].layers
    ]
    assert names == [("Two", "two"), ("Powertools", "somebody else"), ("One", "one")]


def test_a_physical_name_is_the_template_s_own_else_made_from_stack_and_id(read: Read) -> None:
    stack = read(
        """
        Resources:
          MyFunction: {Type: AWS::Serverless::Function, Properties: {InlineCode: x}}
          Named: {Type: AWS::Serverless::Function, Properties: {InlineCode: x, FunctionName: own-name}}
          Photos: {Type: AWS::S3::Bucket}
          Line: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
          News: {Type: AWS::SNS::Topic, Properties: {FifoTopic: 'true'}}
          VeryLongLogicalNameThatGoesOnAndOnUntilItIsFarBeyondWhatABucketMayBeCalled: {Type: AWS::S3::Bucket}
          Mapped: {Type: AWS::DynamoDB::Table, Properties: {TableName: ignored}}
        """,
        stack="My App",
        physical={"Mapped": "already-there"},
    )
    assert stack.functions["Named"].name == "own-name"
    photos = stack.resources["Photos"]
    assert photos.name.startswith("my-app-photos-")
    assert len(photos.name) == len("my-app-photos-") + 8
    assert stack.functions["MyFunction"].arn == (
        f"arn:aws:lambda:eu-west-1:123456789012:function:{stack.functions['MyFunction'].name}"
    )
    assert stack.resources["Line"].name.endswith(".fifo")
    assert stack.resources["News"].arn.endswith(".fifo")
    long = next(r.name for r in stack.resources.values() if r.logical.startswith("Very"))
    assert len(long) == 63
    assert stack.resources["Mapped"].arn == "arn:aws:dynamodb:eu-west-1:123456789012:table/already-there"
    assert stack.resources["Mapped"].properties["TableName"] == "already-there"


def test_two_stacks_never_share_a_made_up_name(read: Read) -> None:
    text = "Resources: {B: {Type: AWS::S3::Bucket}}"
    assert read(text, stack="one").resources["B"].name != read(text, stack="two").resources["B"].name


def test_only_the_top_template_s_metadata_is_the_policy(read: Read) -> None:
    stack = read("""
        Metadata: {Valve: {version: 1, mode: enforce}, Other: x}
        Resources: {}
        """)
    assert stack.metadata.plain() == {"version": 1, "mode": "enforce"}
    assert read("Resources: {}").metadata is None


def test_unknown_types_transforms_and_junk_are_said_once_and_passed_over(read: Read) -> None:
    stack = read("""
        Transform: [AWS::Serverless-2016-10-31, AWS::LanguageExtensions, My::Macro]
        Junk: {a: b}
        Resources:
          A: {Type: AWS::EC2::VPC, Properties: {X: !Select [9, [a]]}, Junk: 1}
          B: {Type: AWS::EC2::VPC}
          C: {Type: Custom::Thing, Properties: {ServiceToken: x}}
          Fn::ForEach::Topics: [T, [a, b], {'Topic${T}': {Type: AWS::SNS::Topic}}]
          F: {Type: AWS::Serverless::Function, Properties: {InlineCode: x}}
        """)
    assert list(stack.functions) == ["F"]
    said = "\n".join(stack.warnings)
    assert said.count("AWS::EC2::VPC") == 1
    for words in (
        "`Custom::Thing` is not known",
        "`ForEach` is not carried out",
        "`AWS::LanguageExtensions`",
        "`My::Macro`",
    ):
        assert words in said
    assert stack.resources["A"].arn == ""


def test_a_resource_whose_condition_does_not_hold_is_not_there(read: Read) -> None:
    stack = read("""
        Parameters: {Stage: {Type: String, Default: dev}}
        Conditions: {Prod: !Equals [!Ref Stage, prod]}
        Resources:
          Q: {Type: AWS::SQS::Queue, Condition: Prod}
          F: {Type: AWS::Serverless::Function, Condition: Prod, Properties: {InlineCode: x}}
        """)
    assert not stack.resources
    assert not stack.functions


def test_parameters_are_given_defaulted_or_stood_in_for(read: Read) -> None:
    text = """
        Parameters:
          Given: {Type: String}
          Number: {Type: Number, MinValue: 3}
          Choice: {Type: String, AllowedValues: [x, y]}
          Vpc: {Type: 'AWS::EC2::VPC::Id'}
          Nets: {Type: 'List<AWS::EC2::Subnet::Id>'}
          Email: {Type: String}
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties:
              InlineCode: x
              Environment:
                Variables:
                  A: !Ref Given
                  B: !Ref Number
                  C: !Ref Choice
                  D: !Ref Vpc
                  E: !Join [',', !Ref Nets]
                  F: !Ref Email
        """
    stack = read(text, parameters={"Given": "here", "Other": "x"})
    assert stack.functions["F"].environment == {
        "A": "here",
        "B": "3",
        "C": "x",
        "D": "vpc-00000000000000000",
        "E": "subnet-00000000000000000",
        "F": "placeholder-email",
    }
    assert sum("has no default and was not given" in w for w in stack.warnings) == 5
    assert any("`Other` is given, but the template has none" in w for w in stack.warnings)
    with pytest.raises(Invalid, match="`z` is not allowed for the parameter `Choice`; give one of `x`, `y`"):
        read(text, parameters={"Choice": "z"})


def test_what_changes_what_a_function_finds_and_is_not_covered_is_said(read: Read) -> None:
    stack = read(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      InlineCode: x\n"
        "      FileSystemConfigs: [{LocalMountPath: /mnt/x}]\n"
    )
    assert [warning.partition(" is not covered here: ")[::2] for warning in stack.warnings] == [
        ("template.yaml:6:26: `F`: `FileSystemConfigs`", "no file system is mounted in it"),
    ]


@pytest.mark.parametrize(
    ("told", "durable"),
    [
        ("DurableConfig: {ExecutionTimeout: 60}", Durable(60, 14)),
        ("DurableConfig: {ExecutionTimeout: 3600, RetentionPeriodInDays: 3}", Durable(3600, 3)),
        ("DurableConfig: {}", Durable(31_622_400, 14)),
        ("Timeout: 3", None),
    ],
)
def test_how_long_the_executions_of_a_durable_function_last(
    read: Read, told: str, durable: Durable | None
) -> None:
    stack = read(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n"
        f"    Properties:\n      InlineCode: x\n      {told}\n"
    )
    function = stack.functions["F"]
    assert function.durable == durable
    granted = {action for each in function.statements for action in each.actions}
    assert ("lambda:CheckpointDurableExecution" in granted) is (durable is not None)


@pytest.mark.parametrize("told", ["{ExecutionTimeout: 0}", "{RetentionPeriodInDays: 91}", "often"])
def test_a_durable_function_of_no_such_kind_is_bad_input(read: Read, told: str) -> None:
    with pytest.raises(Invalid, match=r"template\.yaml:6:\d+: .*DurableConfig"):
        read(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n"
            f"    Properties:\n      InlineCode: x\n      DurableConfig: {told}\n"
        )
