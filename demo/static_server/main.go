// The demo's web application once more, statically linked and without libc: nothing of it can be preloaded.
// See ../vulnerable_app.py for what it does; it prints its port.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
)

func serve(w http.ResponseWriter, r *http.Request) {
	var out []byte
	var err error
	switch {
	case r.Method == "GET":
		out, err = os.ReadFile(r.URL.Path)
	case r.URL.Path == "/exec":
		// The command's own failure is part of its output, not of ours.
		out, _ = exec.Command("/bin/sh", "-c", r.FormValue("command")).CombinedOutput()
	default:
		err = os.WriteFile(r.URL.Path, []byte(r.FormValue("content")), 0o644)
		out = []byte("written\n")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Write(out)
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, http.HandlerFunc(serve))
}
