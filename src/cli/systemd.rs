//! What the service manager is told, where there is one (sd_notify(3)), and the sockets that it gives (sd_listen_fds(3)).
