//! HTTPS to AWS.

use aws_smithy_http_client::{
    Builder, HttpClientError,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// To one of these lead the certificates of all of AWS's endpoints.
const AMAZON_ROOTS: &str = include_str!("amazon_roots.pem");

/// A client for AWS's endpoints and for nobody else.
///
/// It trusts Amazon's roots alone. To read the hundred and more of the system is most of what a function's start takes.
///
/// # Errors
/// If a root cannot be read.
pub(crate) fn client() -> Result<SharedHttpClient, HttpClientError> {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let context = TlsContext::builder().with_trust_store(roots).build()?;
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    Ok(client.tls_context(context).build_https())
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_roots_are_those_that_amazon_publishes() {
        let roots: Vec<String> = CertificateDer::pem_slice_iter(AMAZON_ROOTS.as_bytes())
            .map(|root| hex::encode(Sha256::digest(root.unwrap())))
            .collect();
        // https://www.amazontrust.com/repository/
        let published = [
            "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
            "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
            "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
            "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
            "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
        ];
        assert_eq!(roots, published);
    }

    #[test]
    fn a_client_can_be_made_of_them() {
        assert!(client().is_ok());
    }
}
