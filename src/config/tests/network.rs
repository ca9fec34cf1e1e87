//! What lies between the server, its clients and its upstreams: TLS, limits, proxies.

use super::*;

#[test]
fn limits_of_clients() {
    let limits = good(&[("MAX_CONNECTIONS", "0"), ("MAX_CONNECTIONS_PER_IP", "5"), ("WRITE_TIMEOUT", "1s")]).clients;
    assert_eq!(limits.max_connections, None);
    assert_eq!(limits.max_connections_per_address, NonZeroUsize::new(5));
    assert_eq!(limits.write_timeout, Duration::from_secs(1));
    refused("MAX_CONNECTIONS", &["-1", "many", "1000001"], "a whole number from 0 to 1000000");
    refused("BODY_TIMEOUT", &["0s", "30"], "");
}

#[test]
fn a_providers_own_proxy_comes_before_that_of_all_and_none_is_shown() {
    let of = |variables: &[(&str, &str)]| {
        let config = good(variables);
        assert!(config.effective().iter().all(|row| !row.value.contains("hunter2")));
        [ProviderId::ollama(), ProviderId::openrouter(), ProviderId::echo()]
            .map(|id| config.ways.of(&id).proxy.as_ref().map(|url| url.expose().to_owned()))
    };
    let (all, own) = ("http://me:hunter2@a:1", "socks5://b:2");
    assert_eq!(of(&[]), [None, None, None]);
    let via = |url: &str| Some(url.to_owned());
    assert_eq!(of(&[("UPSTREAM_PROXY", all)]), [via(all), via(all), None]);
    assert_eq!(of(&[("UPSTREAM_PROXY", all), ("OLLAMA_PROXY", own)]), [via(own), via(all), None]);
    assert_eq!(of(&[("UPSTREAM_PROXY", all), ("OPENROUTER_PROXY", "none")]), [via(all), None, None]);
    let problem = problem("OLLAMA_PROXY", "ftp://me:hunter2@c");
    assert!(problem.contains("expected a proxy") && !problem.contains("hunter2"), "{problem}");
}

#[test]
fn a_providers_own_authorities_are_its_own() {
    let dir = TempDir::new().unwrap();
    let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    let config = good(&[("OPENROUTER_CA_FILE", &file(&dir, "ca.pem", pem))]);
    let of = |id| config.ways.of(&id).ca_pem.as_deref();
    assert_eq!([of(ProviderId::ollama()), of(ProviderId::openrouter())], [None, Some(pem)]);
    assert_eq!(config.upstream_ca_pem, None);
    refused("OLLAMA_CA_FILE", &[&file(&dir, "ca.txt", "hello")], "contains no PEM certificate");
}

#[test]
fn http_versions_are_for_all_or_for_one() {
    let of = |variables: &[(&str, &str)]| {
        let providers = good(variables).providers;
        providers.into_iter().map(|provider| provider.http_version).collect::<Vec<_>>()
    };
    assert_eq!(of(&[]), [HttpVersion::Http11; 2]);
    assert_eq!(of(&[("UPSTREAM_HTTP_VERSION", "AUTO")]), [HttpVersion::Negotiated; 2]);
    let own = [("UPSTREAM_HTTP_VERSION", "2"), ("OPENROUTER_HTTP_VERSION", "1.1")];
    assert_eq!(of(&own), [HttpVersion::Http2, HttpVersion::Http11]);
    refused("OLLAMA_HTTP_VERSION", &["3", "h2", "HTTP/2"], "expected 1.1, 2 or auto");
}

#[test]
fn a_certificate_and_its_key_are_given_together() {
    let config = good(&[("TLS_CERT_FILE", "/c.pem"), ("TLS_KEY_FILE", "/k.pem")]);
    assert_eq!(config.tls, Some(TlsFiles { certificate: "/c.pem".into(), key: "/k.pem".into() }));
    assert_eq!(row(&config, "TLS_KEY_FILE").0, "/k.pem");
    assert_eq!(good(&[]).tls, None);
    refused_alone("TLS_CERT_FILE", "TLS_KEY_FILE");
    refused_alone("TLS_KEY_FILE", "TLS_CERT_FILE");
}

#[track_caller]
fn refused_alone(given: &str, missing: &str) {
    let expected =
        format!("{given} is set (from environment variable {given}) but {missing} is not; set both or neither");
    assert_eq!(problem(given, "/x.pem"), expected);
}
