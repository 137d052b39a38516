use tonic::{Code as Grpc, Status};
use wisp_core::{Code, Error};

/// An error as gRPC has it: its status, and its id with its message.
pub(super) fn refusal(error: Error) -> Status {
    let code = match error.code() {
        Code::NotFound => Grpc::NotFound,
        Code::Conflict => Grpc::FailedPrecondition,
        Code::Unauthenticated => Grpc::Unauthenticated,
        Code::Forbidden => Grpc::PermissionDenied,
        Code::Throttled => Grpc::ResourceExhausted,
        Code::Unavailable => Grpc::Unavailable,
        _ => match error.code().status() {
            400..500 => Grpc::InvalidArgument,
            _ => Grpc::Internal,
        },
    };
    if code == Grpc::Internal {
        tracing::error!(?error, "a call of the Durable Task protocol failed");
    }
    Status::new(code, format!("{} {}", error.code().id(), error.message()))
}

/// The same of something that must not be there yet.
pub(super) fn taken(error: Error) -> Status {
    match error.code() {
        Code::Conflict => Status::already_exists(error.message()),
        _ => refusal(error),
    }
}
