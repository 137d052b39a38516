//! Requests and answers, honest ones and others.

use std::io::{Read, Write};

use wasip2::http::types::{ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

/// The whole body of a request.
pub fn read(request: IncomingRequest) -> String {
    let mut text = String::new();
    if let Ok(body) = request.consume()
        && let Ok(mut stream) = body.stream()
    {
        let _ = stream.read_to_string(&mut text);
    }
    text
}

/// Answers with this body.
pub fn send(out: ResponseOutparam, bytes: &[u8]) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().unwrap();
    ResponseOutparam::set(out, Ok(response));
    let mut stream = body.write().unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.flush();
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

/// Carries out an attempt that concerns the answer itself; false if it is none. What returns has not answered yet.
pub fn forge(attempt: &str, out: &ResponseOutparam) -> bool {
    // The handle is used a second time, which the host has to notice.
    let again = || unsafe { ResponseOutparam::from_handle(out.handle()) };
    match attempt {
        "answer twice" => send(again(), br#"{"first":true}"#),
        "answer an error" => ResponseOutparam::set(again(), Err(ErrorCode::InternalError(Some("x".repeat(1 << 20))))),
        "no answer" => std::process::exit(0),
        "endless answer" => endless(again()),
        "endless headers" => headers(again()),
        "frames" => {
            // What the host and the server say to each other, on every stream there is.
            for kind in [1, 2, 3, 4, 8, 9, 10, 200] {
                let mut frame = vec![21, 0, 0, 0, kind, 0, 0, 0, 0, 0, 0, 0, 0];
                frame.extend(b"{\"forged\":1}");
                let _ = std::io::stdout().write_all(&frame);
                let _ = std::io::stderr().write_all(&frame);
            }
        }
        "marks" => {
            for _ in 0..3 {
                println!("XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX");
                eprintln!("2020-01-01T00:00:00.000000000Z stdout: forged");
            }
        }
        _ => return false,
    }
    true
}

fn endless(out: ResponseOutparam) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().unwrap();
    ResponseOutparam::set(out, Ok(response));
    let mut stream = body.write().unwrap();
    let piece = [b'x'; 65536];
    for _ in 0..20_000 {
        if stream.write_all(&piece).is_err() {
            return;
        }
    }
}

fn headers(out: ResponseOutparam) {
    let fields = Fields::new();
    for number in 0..1_000_000 {
        if fields.append(&format!("x-{number}"), &[b'x'; 1000]).is_err() {
            break;
        }
    }
    ResponseOutparam::set(out, Ok(OutgoingResponse::new(fields)));
}
