//! What functions behind the door read of a request, and answer to it.

use aws_lambda_events::{
    apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse},
    encodings::Body,
    http::{HeaderMap, HeaderValue, header::CACHE_CONTROL, header::CONTENT_TYPE},
};
use serde::Serialize;
use serde_json::json;

/// Who asks: the subject of a customer's token, or what `authorize-partner` calls a partner.
pub fn principal(request: &ApiGatewayProxyRequest) -> Option<&str> {
    let authorizer = &request.request_context.authorizer.fields;
    let said = match authorizer.get("claims") {
        Some(claims) => claims.get("sub"),
        None => authorizer.get("principalId"),
    };
    said?.as_str()
}

/// An answer with this body, which nobody may keep.
pub fn answer(status_code: i64, body: &impl Serialize) -> ApiGatewayProxyResponse {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = status_code;
    response.headers = headers;
    response.body = serde_json::to_string(body).ok().map(Body::Text);
    response
}

/// A refusal, or that there is no such thing.
pub fn message(status_code: i64, message: &str) -> ApiGatewayProxyResponse {
    answer(status_code, &json!({ "message": message }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_json_and_nobody_keeps_it() {
        let answer = message(404, "no such thing");
        assert_eq!(answer.status_code, 404);
        assert_eq!(answer.headers.get(CONTENT_TYPE), Some(&HeaderValue::from_static("application/json")));
        assert_eq!(answer.headers.get(CACHE_CONTROL), Some(&HeaderValue::from_static("no-store")));
        assert_eq!(answer.body, Some(Body::Text(r#"{"message":"no such thing"}"#.into())));
    }
}
