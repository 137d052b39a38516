# What workerd runs: our supervisor, on the socket that it inherits. NETWORK and HEAP are put in by the server.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  v8Flags = ["--max-old-space-size=HEAP"],
  services = [
    (name = "supervisor", worker = (
      modules = [
        (name = "supervisor.js", esModule = embed "supervisor.js"),
        (name = "harness.js", text = embed "harness.js"),
      ],
      compatibilityDate = "2026-11-01",
      compatibilityFlags = ["experimental"],
      bindings = [
        (name = "LOADER", workerLoader = ()),
        (name = "COMPATIBILITY_DATE", text = "2026-11-01"),
        (name = "NETWORK", json = "NETWORK"),
      ],
    )),
    # What is reachable is the sandbox's to decide.
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "worker", tcp = (), service = "supervisor")],
);
