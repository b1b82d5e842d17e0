"""HTTP/1.x on bytes: heads, bodies and the rules of forwarding, without sockets but for one."""
