// What Go programs do: an http server with clients, child processes, goroutine storms, files, signals. Prints NAME<tab>RESULT.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func say(name string, what ...interface{}) { fmt.Printf("%s\t%s\n", name, fmt.Sprint(what...)) }

func web() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		say("http", err)
		return
	}
	body := bytes.Repeat([]byte("x"), 50000)
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		w.Write(body[:len(body)-len(data)])
	}))
	var good, bad int64
	var all sync.WaitGroup
	for c := 0; c < 20; c++ {
		all.Add(1)
		go func(c int) {
			defer all.Done()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: c%2 == 0}}
			for i := 0; i < 50; i++ {
				answer, err := client.Post("http://"+listener.Addr().String(), "text/plain", bytes.NewReader(body[:i]))
				if err != nil {
					atomic.AddInt64(&bad, 1)
					continue
				}
				data, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err == nil && len(data) == len(body)-i {
					atomic.AddInt64(&good, 1)
				} else {
					atomic.AddInt64(&bad, 1)
				}
			}
		}(c)
	}
	all.Wait()
	say("http", good, " good ", bad, " bad")
}

func children() {
	var good int64
	var all sync.WaitGroup
	for c := 0; c < 8; c++ {
		all.Add(1)
		go func(c int) {
			defer all.Done()
			for i := 0; i < 20; i++ {
				out, err := exec.Command("/bin/sh", "-c", fmt.Sprintf("cat; exit %d", i%3)).CombinedOutput()
				code := 0
				if e, ok := err.(*exec.ExitError); ok {
					code = e.ExitCode()
				} else if err != nil {
					code = -1
				}
				if code == i%3 && len(out) == 0 {
					atomic.AddInt64(&good, 1)
				}
			}
		}(c)
	}
	all.Wait()
	say("children", good)
	_, err := exec.Command("/nonexistent/program").Output()
	say("no such program", err)
	_, err = exec.LookPath("no-such-program")
	say("not in PATH", err)
	command := exec.Command("/bin/cat")
	command.Env = []string{}
	in, _ := command.StdinPipe()
	command.Start()
	command.Process.Signal(syscall.SIGTERM)
	say("terminated", command.Wait())
	in.Close()
	out, err := (&exec.Cmd{Path: "/usr/bin/env", Args: []string{"env"}, Env: []string{"A=1"}, SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}).Output()
	say("environment", fmt.Sprintf("%q ", out), err)
}

func storm() {
	dir, _ := os.MkdirTemp("", "storm")
	defer os.RemoveAll(dir)
	var good int64
	var all sync.WaitGroup
	for g := 0; g < 2000; g++ {
		all.Add(1)
		go func(g int) {
			defer all.Done()
			name := filepath.Join(dir, fmt.Sprint(g))
			if os.WriteFile(name, []byte(name), 0600) != nil {
				return
			}
			if os.Rename(name, name+".new") != nil || os.Link(name+".new", name+".link") != nil {
				return
			}
			data, err := os.ReadFile(name + ".link")
			if err == nil && string(data) == name && os.Remove(name+".new") == nil {
				atomic.AddInt64(&good, 1)
			}
		}(g)
	}
	all.Wait()
	left, _ := os.ReadDir(dir)
	say("goroutines over files", good, " left ", len(left))
	_, err := os.Open(filepath.Join(dir, "none"))
	say("no such file", os.IsNotExist(err))
}

func signals() {
	got := make(chan os.Signal, 100)
	signal.Notify(got, syscall.SIGUSR1)
	for i := 0; i < 50; i++ {
		syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		select {
		case <-got:
		case <-time.After(10 * time.Second):
			say("signals", "lost ", i)
			return
		}
	}
	say("signals", "50")
}

func main() {
	web()
	children()
	storm()
	signals()
}
