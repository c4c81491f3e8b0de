"""Builds the functions and deploys the template with SAM, as an operator does."""

import json
import os
import platform
import re
import shutil
import sys
import zlib

from samcli.yamlhelper import yaml_dump, yaml_parse

from emulator import Emulator
from processes import run

STACK = "sparks-rehearsal"
BUCKET = "sparks-rehearsal-artifacts"
AUTHORIZER = "x-amazon-apigateway-authorizer"
INTEGRATION = "x-amazon-apigateway-integration"

# The limit of a function's zip.
MAX_ZIP_BYTES = 4_000_000


def read_template(path: str) -> dict:
    with open(path, encoding="utf-8") as template:
        return yaml_parse(template.read())


def secrets_in(part: object) -> set[str]:
    """The secrets that a part of the template names, as `${SecretsPath}/stripe-secret-key`."""
    return set(re.findall(r"\$\{SecretsPath\}/([a-z-]+)", json.dumps(part)))


def overrides(parameters: dict[str, str]) -> list[str]:
    return ["--parameter-overrides", *(f'{name}="{value}"' for name, value in parameters.items())]


def architecture() -> dict[str, str]:
    """Returns this machine's architecture: the functions run here, so they are built for it."""
    arm = platform.machine() in ("aarch64", "arm64")
    return {"Architecture": "arm64" if arm else "x86_64"}


def environment(folder: str, more: dict[str, str]) -> dict[str, str]:
    """Environment in which SAM checks for no updates, sends no telemetry, and keeps its state in the folder."""
    return {**os.environ, "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": folder, **more}


def sam(*arguments: str) -> list[str]:
    return [f"{os.path.dirname(sys.executable)}/sam", *arguments]


def build(source: str, folder: str) -> str:
    """Builds all functions with the release profile; returns the built template's path."""
    template = read_template(source)
    # Without zig the machine's own linker is used, whose C library must not be newer than Lambda's.
    compiler = {} if shutil.which("zig") else {"CARGO_LAMBDA_COMPILER": "cargo"}
    tools = environment(folder, compiler)
    # SAM builds one function after the other. Built all at once, the linker has work for all cores.
    binaries = [resource["Metadata"]["BuildProperties"]["Binary"]
                for resource in template["Resources"].values()
                if resource.get("Metadata", {}).get("BuildMethod") == "rust-cargolambda"]
    command = ["cargo", "lambda", "build", "--release", "--locked"]
    run(command + [word for name in binaries for word in ("--bin", name)], tools)
    command = sam("build", "--template-file", source, "--build-dir", f"{folder}/build")
    run(command + overrides(architecture()), tools)
    check_sizes(f"{folder}/build")
    return f"{folder}/build/template.yaml"


def check_sizes(built: str) -> None:
    """Fails if the largest function's zip is above the limit: a larger one starts later."""
    sizes = {}
    for name in os.listdir(built):
        bootstrap = f"{built}/{name}/bootstrap"
        if os.path.exists(bootstrap):
            with open(bootstrap, "rb") as binary:
                sizes[name] = len(zlib.compress(binary.read(), level=6))
    if not sizes:
        raise AssertionError(f"there is no built function in {built}")
    name, size = max(sizes.items(), key=lambda of: of[1])
    print(f"  the largest function is {name}: {size / 1e6:.2f} MB zipped")
    if size > MAX_ZIP_BYTES:
        raise AssertionError(f"the zip of {name} has more than {MAX_ZIP_BYTES / 1e6:.0f} MB")


class Deployment:
    """The deployed stack."""

    def __init__(self, emulator: Emulator, template: str, folder: str):
        self.emulator = emulator
        self.folder = folder
        self.template = read_template(template)
        self.left_out = self._leave_out()
        self._widen_secret_rights()
        # Beside the built template, whose paths to the functions are relative.
        self.path = f"{os.path.dirname(template)}/deployed.yaml"
        with open(self.path, "w", encoding="utf-8") as deployed:
            deployed.write(yaml_dump(self.template))
        self.formation = emulator.client("cloudformation")
        emulator.client("s3").create_bucket(Bucket=BUCKET)

    def _leave_out(self) -> list[str]:
        """Removes what the emulator cannot create: alarms on metric math. Nothing else refers to an alarm."""
        resources = self.template["Resources"]
        out = [name for name, resource in resources.items()
               if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]]
        for name in out:
            del resources[name]
        return out

    def _widen_secret_rights(self) -> None:
        """Lets functions read any secret, after checking that their policies name exactly those that they use.

        The emulator does not see which parameters a `GetParameters` call names, and would refuse it.
        """
        for name, resource in self.template["Resources"].items():
            if resource["Type"] != "AWS::Serverless::Function":
                continue
            given = secrets_in(resource["Properties"].get("Environment"))
            statements = [one for policy in resource["Properties"].get("Policies", []) for one in policy["Statement"]
                          if one["Action"] == "ssm:GetParameters"]
            if secrets_in(statements) != given:
                raise RuntimeError(f"{name} is given {given}, and may read {secrets_in(statements)}")
            for statement in statements:
                statement["Resource"] = "*"

    def store_secrets(self, secrets: dict[str, str]) -> None:
        """Puts secrets where the functions read them."""
        store = self.emulator.client("ssm")
        for name, value in secrets.items():
            store.put_parameter(Name=f"/sparks/{name}", Value=value, Type="SecureString", Overwrite=True)

    def deploy(self, parameters: dict[str, str]) -> None:
        """Creates or updates the stack."""
        command = sam(
            "deploy", "--template-file", self.path, "--stack-name", STACK, "--s3-bucket", BUCKET,
            "--region", self.emulator.client("s3").meta.region_name, "--capabilities", "CAPABILITY_IAM",
            "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar")
        given = {**architecture(), **parameters}
        tools = environment(self.folder, {**self.emulator.environment, "SAM_CLI_POLL_DELAY": "1"})
        run(command + overrides(given), tools)

    def resources(self) -> dict[str, str]:
        """Returns the physical ids of what was created, by its names in the template."""
        made = self.formation.describe_stack_resources(StackName=STACK)["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in made}

    def outputs(self) -> dict[str, str]:
        stack = self.formation.describe_stacks(StackName=STACK)["Stacks"][0]
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def url(self) -> str:
        """Returns the API's address. It is by path, because the API's own name does not resolve on every machine."""
        return f"{self.emulator.url}/_aws/execute-api/{self.resources()['Api']}/$default"

    def connect_routes(self, issuer: str, audience: str) -> int:
        """Creates the routes of the API's body, which AWS reads and the emulator does not; returns their number."""
        made = self.resources()
        gateway, functions = self.emulator.client("apigatewayv2"), self.emulator.client("lambda")
        processed = self.formation.get_template(StackName=STACK, TemplateStage="Processed")
        body = processed["TemplateBody"]["Resources"]["Api"]["Properties"]["Body"]
        authorizers = {}
        for name, scheme in body["components"]["securitySchemes"].items():
            created = gateway.create_authorizer(
                ApiId=made["Api"], Name=name, AuthorizerType="JWT",
                IdentitySource=[scheme[AUTHORIZER]["identitySource"]],
                JwtConfiguration={"Issuer": issuer, "Audience": [audience]})
            authorizers[name] = created["AuthorizerId"]
        count = 0
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                # …/functions/${RecordUsage.Arn}/invocations
                target = operation[INTEGRATION]["uri"]["Fn::Sub"].split("${")[-1].split(".Arn}")[0]
                function = functions.get_function(FunctionName=made[target])["Configuration"]
                integration = gateway.create_integration(
                    ApiId=made["Api"], IntegrationType="AWS_PROXY", IntegrationMethod="POST",
                    IntegrationUri=function["FunctionArn"],
                    PayloadFormatVersion=operation[INTEGRATION]["payloadFormatVersion"])
                security = [name for one in operation.get("security", []) for name in one if name in authorizers]
                guard = {"AuthorizationType": "NONE"}
                if security:
                    guard = {"AuthorizationType": "JWT", "AuthorizerId": authorizers[security[0]]}
                gateway.create_route(
                    ApiId=made["Api"], RouteKey=f"{method.upper()} {path}",
                    Target=f"integrations/{integration['IntegrationId']}", **guard)
                count += 1
        return count

    def invoke(self, function: str, event: dict) -> dict:
        """Calls a function by its name in the template, as its schedule does."""
        answer = self.emulator.client("lambda").invoke(
            FunctionName=self.resources()[function], Payload=json.dumps(event).encode())
        said = answer["Payload"].read().decode()
        if answer.get("FunctionError"):
            raise RuntimeError(f"{function} failed: {said}")
        return json.loads(said)

    def logs(self, lines: int = 40) -> str:
        """Returns the last log lines of the functions."""
        store = self.emulator.client("logs")
        said = []
        for group in store.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
            events = store.filter_log_events(logGroupName=group["logGroupName"])["events"]
            said += [(event["timestamp"], group["logGroupName"], event["message"].rstrip()) for event in events]
        said.sort(key=lambda one: one[0])
        return "\n".join(f"{group}: {message}" for _, group, message in said[-lines:])
