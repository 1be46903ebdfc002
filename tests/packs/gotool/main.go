// What tool.c does, as far as cases marked `# Also: go` need it, by a static Go program: no libc, system calls of its own.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func connected(ip, port string, flags int) int {
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|flags, 0)
	check(err)
	number, err := strconv.Atoi(port)
	check(err)
	to := syscall.SockaddrInet4{Port: number}
	var parts [4]int
	fmt.Sscanf(ip, "%d.%d.%d.%d", &parts[0], &parts[1], &parts[2], &parts[3])
	for i, p := range parts {
		to.Addr[i] = byte(p)
	}
	if err := syscall.Connect(s, &to); err != syscall.EINPROGRESS {
		check(err)
	}
	return s
}

func memfd(arguments []string) {
	content, err := os.ReadFile(arguments[0])
	check(err)
	name := []byte("memory\x00")
	fd, _, errno := syscall.Syscall(319, uintptr(unsafe.Pointer(&name[0])), 0, 0)
	if errno != 0 {
		check(errno)
	}
	_, err = syscall.Write(int(fd), content)
	check(err)
	check(syscall.Exec(fmt.Sprintf("/proc/self/fd/%d", fd), arguments, os.Environ()))
}

func open(path string, flags int) int {
	fd, err := syscall.Open(path, flags, 0644)
	check(err)
	return fd
}

func main() {
	a := os.Args[2:]
	switch os.Args[1] {
	case "run":
		command := exec.Command(a[0], a[1:]...)
		command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
		command.Run()
	case "connect":
		connected(a[0], a[1], syscall.SOCK_NONBLOCK)
	case "connect-unix":
		s, _ := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		syscall.Connect(s, &syscall.SockaddrUnix{Name: a[0]})
	case "shell-on":
		s := connected(a[0], a[1], 0)
		for i := 0; i < 3; i++ {
			check(syscall.Dup2(s, i))
		}
		check(syscall.Exec("/bin/sh", []string{"sh"}, os.Environ()))
	case "read":
		syscall.Read(open(a[0], syscall.O_RDONLY), make([]byte, 4096))
	case "write":
		open(a[0], syscall.O_WRONLY|syscall.O_CREAT|syscall.O_TRUNC)
	case "append":
		syscall.Write(open(a[0], syscall.O_WRONLY|syscall.O_APPEND), []byte(a[1]))
	case "unlink":
		check(syscall.Unlink(a[0]))
	case "memfd":
		memfd(a)
	case "memfd-data":
		name := []byte("data\x00")
		syscall.Syscall(319, uintptr(unsafe.Pointer(&name[0])), 0, 0)
	case "sleep":
		seconds, _ := strconv.Atoi(a[0])
		time.Sleep(time.Duration(seconds) * time.Second)
	default:
		fmt.Fprintln(os.Stderr, "tool: no such action")
		os.Exit(2)
	}
}
