"""The examples, each deployed as its manifest says and run to its end."""

import unittest

from server import EXAMPLES, Case, begin, look, rest, until, wisp


def example(name):
    wisp("deploy", str(EXAMPLES / name), "--yes")


class Examples(Case):
    def test_chain(self):
        example("chain")
        order = [{"name": "tea", "price": 3, "count": 2}, {"name": "cup", "price": 4.5, "count": 1}]
        instance = begin("chain", {"items": order})
        self.assertEqual(self.output(instance), {"invoice": "2 items, 10.50 in all"})
        self.assertEqual(look(instance)["customStatus"], {"done": "F4"})

    def test_fan(self):
        example("fan")
        self.assertEqual(self.output(begin("fan", {"n": 30})), {"sum": sum(n * n for n in range(30))})

    def test_approval(self):
        example("approval")
        asked, late = begin("approval", {"what": "travel"}), begin("approval", {"what": "travel", "patience": 1})
        self.assertEqual(self.output(late), {"asked": "director"})
        self.assertEqual(look(asked)["runtimeStatus"], "Running")
        self.assertEqual(rest("POST", f"/durable/instances/{asked}/raiseEvent/approval", {"approved": True})[0], 202)
        self.assertEqual(self.output(asked), {"approved": True, "by": "manager"})

    def test_saga(self):
        example("saga")
        self.assertEqual(self.output(begin("saga", {})), {"booked": ["flight", "hotel", "car"]})
        undone = {"booked": [], "cancelled": ["hotel", "flight"]}
        self.assertEqual(self.output(begin("saga", {"sold": "car"})), undone)

    def test_periodic(self):
        example("periodic")
        instance = begin("periodic", {"round": 1, "last": 5, "seconds": 0.1})
        self.assertEqual(self.output(instance), {"removed": 50, "round": 5})
        history = look(instance, "?showHistory=true")["history"]
        rounds = [event for event in history if event["EventType"] == "TaskScheduled"]
        self.assertEqual(len(rounds), 1, "each round begins with an empty history")

    def test_monitor(self):
        example("monitor")
        self.assertEqual(self.output(begin("monitor", {"job": "backup", "seconds": 60})), {"message": "backup was done at look 3"})

    def test_mapreduce(self):
        example("mapreduce")
        counts = self.output(begin("mapreduce", {"texts": ["the cat and the dog", "the end", "a dog"]}))
        self.assertEqual(counts, {"the": 3, "dog": 2, "cat": 1, "and": 1, "end": 1, "a": 1})

    def test_counter(self):
        example("counter")
        self.assertEqual(self.output(begin("count", {"key": "visits", "numbers": [1, 2, 3]})), 12)
        self.assertEqual(rest("POST", "/durable/entities/tally/visits?op=add", 30)[0], 202)
        until(lambda: rest("GET", "/durable/entities/tally/visits")[1] == 42, "the signal has been heard")

    def test_video(self):
        example("video")
        playlist = self.output(begin("video", {"seconds": 45, "heights": [360, 1080]}))
        self.assertEqual(playlist, {"playlist": ["360p.mp4 1620000", "1080p.mp4 4860000"]})

    def test_pipeline(self):
        example("pipeline")
        published = self.output(begin("pipeline", {"rows": 60, "rates": [0.01, 0.1, 0.5], "worst": 1}))
        self.assertEqual(published, {"published": True, "rate": 0.5, "model": "y = 3.0x + 1.0"})
        self.assertEqual(self.output(begin("pipeline", {"rows": 60, "rates": [0.0], "worst": 1}))["published"], False)


if __name__ == "__main__":
    unittest.main()
