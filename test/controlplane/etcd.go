//go:build !noetcd

// An old Kubernetes asks for an older client of etcd than this server can be built with: it is served by the etcd of
// the newest build.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func init() {
	programs["etcd"] = func() { etcdmain.Main(os.Args) }
}
