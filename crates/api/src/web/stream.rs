use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::body::Frame;
use serde_json::{Value, value::RawValue};
use tokio::sync::mpsc::Receiver;
use wisp_core::{Result, ports::Piece};

use super::{
    answer::{fill, unacceptable},
    message::Head,
    project::{Extension, invalid, parsed},
};
use crate::failure::Failure;

/// The response that a head describes; its body are the pieces that follow.
pub(super) fn response(head: &RawValue, pieces: Receiver<Piece>, request: &HeaderMap) -> Response {
    match described(head) {
        Ok(head) => {
            let content_type = head
                .content_type
                .unwrap_or_else(|| "application/octet-stream".to_owned());
            if let Some(refusal) = unacceptable(request, &content_type) {
                return refusal;
            }
            let mut response = Response::new(Body::new(Pieces(pieces)));
            *response.status_mut() = head.status.unwrap_or(StatusCode::OK);
            fill(response.headers_mut(), head.headers, Some(content_type));
            // Nothing between here and the reader may gather what should arrive at once.
            let live = header::HeaderValue::from_static("no");
            response.headers_mut().entry("x-accel-buffering").or_insert(live);
            response
        }
        Err(error) => Failure::from(error).into_response(),
    }
}

fn described(head: &RawValue) -> Result<Head> {
    match parsed(head)? {
        Value::Object(fields) => {
            let head = Head::read(&fields)?;
            head.essence()?;
            Ok(head)
        }
        _ => Err(invalid(Extension::Http)),
    }
}

/// A body in pieces. One that ends before its end breaks the connection off, so that nobody takes it for whole.
struct Pieces(Receiver<Piece>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            return match self.0.poll_recv(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Piece::Chunk(bytes))) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Poll::Ready(Some(Piece::End)) => Poll::Ready(None),
                Poll::Ready(Some(Piece::Head(_))) => continue,
                Poll::Ready(None) => Poll::Ready(Some(Err(io::Error::other("the function ended before its body")))),
            };
        }
    }
}
