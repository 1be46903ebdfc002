# Rule: Interpreter started an interactive shell
benign() {
    /usr/bin/python3 -c 'import subprocess; subprocess.run(["/bin/sh", "-c", "true"])'
}
attack() {
    /usr/bin/python3 -c 'import subprocess; subprocess.run(["/bin/bash", "-i"], stdin=subprocess.DEVNULL)'
    /usr/bin/perl -e 'system("/bin/bash --norc </dev/null; true"); open(STDIN, "<", "/dev/null"); exec("/bin/sh")'
}
