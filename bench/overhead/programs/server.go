// A static HTTP server that reads a file for each request. usage: server PORT FILE
package main

import (
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, err := os.ReadFile(os.Args[2])
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.Write(body)
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
