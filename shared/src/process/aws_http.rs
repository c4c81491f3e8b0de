//! Lets the AWS SDK send through the byte transport. So the whole process has one HTTP stack.

use std::time::Duration;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::process::transport::{self, Transport};

/// An HTTP client for the SDK, whose calls end within `timeout`.
pub(crate) fn client(transport: &Transport, timeout: Duration) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector {
        transport: transport.clone(),
        timeout,
    });
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector {
    transport: Transport,
    timeout: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (transport, timeout) = (self.transport.clone(), self.timeout);
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let (head, body) = request.into_parts();
            let body = body.bytes().map(Bytes::copy_from_slice).unwrap_or_default();
            let answer = transport
                .send(http::Request::from_parts(head, body), timeout)
                .await
                .map_err(|error| match error {
                    transport::Error::TimedOut => ConnectorError::timeout(error.into()),
                    transport::Error::NotSent(_) | transport::Error::Broken(_) => {
                        ConnectorError::io(error.into())
                    }
                })?;
            HttpResponse::try_from(answer.map(SdkBody::from))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
