# Runs inside the sandbox: waits until the worker has put the program at /action, then becomes it.
# The first line is a token; the lines from there to its return are the command.
echo '{"ok":true}' >&3
IFS= read -r token <&3 || exit 0
command=
while IFS= read -r line <&3 && [ "$line" != "$token" ]; do
    command="$command$line
"
done
cd /action && eval "exec $command" <&3
