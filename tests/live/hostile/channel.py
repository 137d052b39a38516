"""The channel to the platform, which functions share with the launcher, and what they print."""

from attack import Attack, native, node, python, survives

ATTACKS = [
    Attack("forges replies", python("""
for size in (2, 1 << 30):
    try:
        os.write(3, struct.pack("<IB", size, 3) + b"12345678" + b'{"forged":true}' * 20)
    except OSError:
        pass
return {"mine": True}"""), lambda status, result: status != "success" or result == {"mine": True}),
    node("forges replies from Node", """
function main() {
  const text = '{"forged":true}';
  for (const kind of [1, 2, 3, 4, 5, 6, 7, 200]) {
    fs.writeSync(3, Buffer.from([9 + text.length, 0, 0, 0, kind, 0, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from(text)]));
  }
  return { mine: true };
}""", lambda status, result: "forged" not in str(result)),
    native("replies many times", """
while read line; do
  for n in 1 2 3 4 5; do echo '{"forged":'$n'}' >&3; done
done""", survives),
    Attack("answers with a huge frame", python("""
os.write(3, struct.pack("<IB", 0xFFFFFFFF, 3) + b"12345678")
time.sleep(5)"""), survives, limits={"timeout": 3000}),
    native("answers without end", """
read line
head -c 400000000 /dev/zero | tr '\\\\0' x >&3
sleep 5""", survives, limits={"timeout": 20000}),
    node("closes its descriptors", """
function main() { for (let fd = 0; fd < 30; fd++) try { fs.closeSync(fd) } catch {} return { closed: true }; }""", survives,
         limits={"timeout": 3000}),
    Attack("reads what is sent to it", python("""
# Whatever comes is its own next request at most: it takes nobody else's.
s = socket.socket(fileno=os.dup(3))
s.setblocking(False)
try:
    return {"got": [s.recv(10).decode("latin1")]}
except BlockingIOError:
    return {"got": []}""")),
    Attack("prints what looks like the platform's lines", python("""
print("XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX")
print("2020-01-01T00:00:00.000000000Z stdout: forged")
print("{\\"ok\\":true}")
sys.stderr.write("XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\\n")
print("after")
return {"got": []}"""), logs=lambda lines: len(lines) == 5 and not any(line.startswith("2020") for line in lines)
           and any(line.endswith("stdout: after") for line in lines)),
    Attack("prints what is no text", python("""
sys.stdout.buffer.write(bytes(range(256)) * 4 + b"\\xff\\xfe\\n")
sys.stdout.flush()
return {"got": []}"""), logs=lambda lines: len(lines) > 0),
    Attack("answers and exits", python("""
threading.Timer(0.02, os._exit, [1]).start()
return {"got": []}""")),
    Attack("answers what is no JSON", python("""
return {"number": float("nan"), "other": float("inf")}"""), survives),
    Attack("exits instead of answering", python("""os._exit(0)"""), lambda status, result: "exited unexpectedly" in str(result)),
    Attack("pretends to be out of memory", python("""
sys.stderr.write("JavaScript heap out of memory\\n")
sys.stderr.flush()
os.kill(os.getpid(), signal.SIGABRT)"""), lambda status, result: "exited unexpectedly" in str(result)),
]
