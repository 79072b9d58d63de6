"""French. Terms as in Proxmox's own French interface: invité, tâche de sauvegarde, nœud, pool, stockage, jeton, entrepôt de données."""
