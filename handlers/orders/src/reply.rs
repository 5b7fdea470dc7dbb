//! What functions behind the door read of a request and answer to it.

use aws_lambda_events::{
    apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse},
    encodings::Body,
    http::{HeaderMap, HeaderValue, header::CACHE_CONTROL, header::CONTENT_TYPE},
};
use serde::Serialize;

/// Who asks, as the authorizer has read it from the token.
pub fn principal(request: &ApiGatewayProxyRequest) -> Option<&str> {
    request.request_context.authorizer.fields.get("claims")?.get("sub")?.as_str()
}

/// An answer for nobody else, and not to be kept.
pub fn response(status_code: i64, body: &impl Serialize) -> ApiGatewayProxyResponse {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = status_code;
    response.headers = headers;
    response.body = serde_json::to_string(body).ok().map(Body::Text);
    response
}
