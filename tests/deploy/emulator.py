"""The emulator of AWS: CloudFormation, API Gateway, Lambda, DynamoDB and the rest on one port of this machine."""

import os
import sys
from contextlib import ExitStack

import boto3

from client import call
from processes import Process, free_port, wait_until

REGION = "us-east-1"


class Emulator:
    """A running emulator, which keeps everything in one folder."""

    def __init__(self, folder: str, running: ExitStack):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # Functions inherit this environment, so it must not set what the template has to set. The endpoint variables
        # stand in for AWS's own host names.
        environment = {
            "PATH": os.defpath,
            "HOME": folder,
            "TMPDIR": folder,
            "STATE_DIR": f"{folder}/state",
            "S3_DATA_DIR": f"{folder}/s3",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "LAMBDA_EXECUTOR": "local",
            "AUTH": "true",  # functions may do only what their policies allow
            "IOT_MTLS_ENABLED": "false",
            "SFTP_ENABLED": "false",
            "AWS_ENDPOINT_URL_DYNAMODB": self.url,
            "AWS_ENDPOINT_URL_SSM": self.url,
        }
        command = [sys.executable, "-m", "ministack"]
        self.process = Process(command, environment, f"{folder}/emulator.log", running)
        wait_until("the emulator", lambda: self.process.alive() and self._healthy(), limit_s=60)

    def _healthy(self) -> bool:
        try:
            return call("GET", f"{self.url}/_ministack/health").status == 200
        except OSError:
            return False

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which a command reaches the emulator as the account's administrator."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.url,
            "AWS_ENDPOINT_URL_SSM": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def client(self, service: str):
        return boto3.client(service, endpoint_url=self.url, region_name=REGION,
                            aws_access_key_id="test", aws_secret_access_key="test")

    def output(self) -> str:
        """Returns its log, which also explains a function's crash."""
        return self.process.output()
