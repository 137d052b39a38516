"""Peers that are libraries of Python, in a process of their own: `sdks.py NAME [ADDRESS]`.

Reads lines `sequence COUNT` and `fan COUNT`, runs a workflow of so many steps that do nothing, and prints how many milliseconds
its caller waited for it.
"""

import sys
import time


def durabletask(port):
    """Durable Task's SDK on its in-memory backend."""
    from durabletask import client, task, worker
    from durabletask.testing import create_test_backend

    def step(context, given):
        return 0

    def sequence(context: task.OrchestrationContext, count):
        for _ in range(count):
            yield context.call_activity(step)

    def fan(context: task.OrchestrationContext, count):
        yield task.when_all([context.call_activity(step) for _ in range(count)])

    create_test_backend(port=int(port))
    hub = worker.TaskHubGrpcWorker(host_address=f"localhost:{port}")
    for orchestrator in (sequence, fan):
        hub.add_orchestrator(orchestrator)
    hub.add_activity(step)
    hub.start()
    caller = client.TaskHubGrpcClient(host_address=f"localhost:{port}")
    known = {"sequence": sequence, "fan": fan}

    def run(what, count):
        identity = caller.schedule_new_orchestration(known[what], input=count)
        caller.wait_for_orchestration_completion(identity, timeout=60)

    return run


def dbos(address):
    """DBOS with steps in a row, and with child workflows."""
    from dbos import DBOS

    DBOS(config={"name": "bench", "system_database_url": address, "log_level": "ERROR"})

    @DBOS.step()
    def step():
        return 0

    @DBOS.workflow()
    def sequence(count):
        for _ in range(count):
            step()

    @DBOS.workflow()
    def one():
        return 0

    @DBOS.workflow()
    def fan(count):
        for handle in [DBOS.start_workflow(one) for _ in range(count)]:
            handle.get_result()

    DBOS.launch()
    known = {"sequence": sequence, "fan": fan}
    return lambda what, count: known[what](count)


if __name__ == "__main__":
    run = {"durabletask": durabletask, "dbos": dbos}[sys.argv[1]](*sys.argv[2:])
    print("ready", flush=True)
    for line in sys.stdin:
        what, count = line.split()
        begun = time.perf_counter()
        run(what, int(count))
        print((time.perf_counter() - begun) * 1000, flush=True)
