"""A zygote: imports modules once, then forks a launcher for each sandbox that asks.

It runs nobody's code but the platform's. Requests come as messages on descriptor 3, with the descriptors of one sandbox;
what they hold, and in which order, is written in the sandbox's `messages.rs`.
"""

import ctypes
import gc
import importlib
import importlib.util
import json
import os
import resource
import signal
import socket
import struct
import sys

REQUESTS = 3
CONTROL = 3
MESSAGE = 65536
MOST = 16
# From linux/prctl.h, linux/capability.h, linux/seccomp.h and linux/filter.h.
SET_DUMPABLE, DROP_BOUNDING, SET_SECCOMP, FILTER = 4, 24, 22, 2
CAPABILITIES_3 = 0x20080522
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050001
NEW_PID, NEW_USER = 0x20000000, 0x10000000
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    """Fails as Python's own calls do."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, what + ": " + os.strerror(error))


def enter(descriptor, kind):
    """Enters a namespace."""
    check(LIBC.setns(descriptor, kind), "enter a namespace")


def drop_capabilities():
    """Gives up, for ever, what the user namespace that was just entered grants."""
    capability = 0
    while LIBC.prctl(DROP_BOUNDING, capability, 0, 0, 0) == 0:
        capability += 1
    header = struct.pack("Ii", CAPABILITIES_3, 0)
    check(LIBC.capset(header, bytes(24)), "drop capabilities")


def forbid(calls):
    """Refuses system calls to this process and all below it; the filter it inherits has checked the architecture."""
    program = struct.pack("HBBI", LOAD, 0, 0, 0)
    for left, call in zip(range(len(calls), 0, -1), calls):
        program += struct.pack("HBBI", JUMP_EQUAL, left, 0, call)
    program += struct.pack("HBBI", RETURN, 0, 0, ALLOW) + struct.pack("HBBI", RETURN, 0, 0, REFUSE)
    instructions = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    check(LIBC.prctl(SET_SECCOMP, FILTER, described, 0, 0), "filter system calls")


def keep_only(wanted):
    """Closes every descriptor but these: one that leads out of the sandbox is a way out."""
    first = 0
    for descriptor in sorted(wanted):
        if descriptor > first:
            os.closerange(first, descriptor)
        first = descriptor + 1
    check(LIBC.close_range(first, 0x7FFFFFFF, 0), "close descriptors")


def set_environment(variables):
    """Replaces the environment, one variable after the other: `clear` and `update` look through classes that are all over
    the memory shared with the zygote, of which every page that is touched is copied."""
    for name in list(os.environ):
        del os.environ[name]
    for variable in variables:
        name, _, value = variable.partition("=")
        os.environ[name] = value


def refresh():
    """Takes new randomness where a fork would go on with its parent's; `random` sees to that itself."""
    numbers = sys.modules.get("numpy.random")
    if numbers is not None:
        numbers.seed()


def settle(request, channels, spaces, doors):
    """Moves this process into its sandbox, and gives up all that it does not need there."""
    keep_only([0, *channels, *spaces, *doors])
    for door in doors:
        os.write(door, b"0")
    kinds = request["spaces"][1:]
    for space, kind in zip(spaces, kinds):
        enter(space, kind)
    user = request["user"]
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    # Changing the user has hidden this process from itself.
    check(LIBC.prctl(SET_DUMPABLE, 1, 0, 0, 0), "show the process")
    answers, control, stdout, stderr = channels
    # None of them is in the way of another: what was received stands above the requests' socket.
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(control, CONTROL, inheritable=False)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    keep_only([0, 1, 2, CONTROL, answers])
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")
    os.setsid()
    # As for other programs; init is counted, too.
    for kind, most in (
        (resource.RLIMIT_NPROC, request["pids"] + 1),
        (resource.RLIMIT_NOFILE, request["files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    os.chdir(request["directory"])
    drop_capabilities()
    forbid(request["forbidden"])
    return answers


def born(request, channels, spaces, doors):
    """The child's life."""
    answers = channels[0]
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        answers = settle(request, channels, spaces, doors)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        set_environment(request["environment"])
        refresh()
        gc.enable()
    except BaseException as error:
        os.write(answers, json.dumps("settle in the sandbox: %r" % error).encode())
        os._exit(126)
    os.close(answers)
    status = 0
    try:
        LAUNCHER.main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def fork(message, descriptors):
    """Forks a child into a sandbox, and answers with its pidfd."""
    request = json.loads(message)
    channels, count = descriptors[:4], len(request["spaces"])
    spaces, doors = descriptors[4 : 4 + count], descriptors[4 + count :]
    # The child must not be waited for before its descriptor is open.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD,))
    try:
        enter(spaces[0], NEW_PID)
        process = os.fork()
        if process == 0:
            born(request, channels, spaces[1:], doors)
        enter(SELF, NEW_PID)
        child = os.pidfd_open(process)
        with socket.socket(fileno=os.dup(channels[0])) as answers:
            socket.send_fds(answers, [str(process).encode()], [child])
        os.close(child)
    except Exception as error:
        os.write(channels[0], json.dumps("fork: %r" % error).encode())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD,))


def reap(_signal, _frame):
    """Waits for the children that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def serve():
    """Forks until the platform goes."""
    requests = socket.socket(fileno=REQUESTS)
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MESSAGE, MOST)
        if not message:
            return
        try:
            fork(message, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


def load_launcher():
    """The launcher beside this file, which is not where modules are found."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launcher.py")
    spec = importlib.util.spec_from_file_location("wisp_launcher", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def acquire(modules):
    """Imports what is there of these."""
    for name in modules:
        try:
            importlib.import_module(name)
        except BaseException:
            # A function that imports it will be told why it cannot.
            pass


def silence():
    """Nobody reads what is written here."""
    nowhere = os.open("/dev/null", os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


silence()
# Threads do not survive a fork, and the library that numpy computes with would start them when it is loaded.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
LAUNCHER = load_launcher()
LAUNCHER.offer_packages()
acquire(sys.argv[1:])
LAUNCHER.warm()
SELF = os.pidfd_open(os.getpid())
signal.signal(signal.SIGCHLD, reap)
gc.disable()
gc.collect()
# What is here now is looked at by no collection of a child, so that its pages stay shared.
gc.freeze()
serve()
