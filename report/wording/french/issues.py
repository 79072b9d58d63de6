"""Issues in French: what could not be seen or does not fit, and what to do about it."""

from __future__ import annotations

ISSUES = {
    "source_down": "la source {source} n’a pas pu être lue : {message}",
    "collector_failed": "{collector} de {source} : lecture impossible : {message}",
    "collector_failed.subject": "{collector} de {source} ({subject}) : lecture impossible : {message}",
    "facts_stale": "{collector} de {source} : dernière lecture : {fetched_at}, trop ancienne pour s’y fier",
    "facts_stale.subject": "{collector} de {source} ({subject}) : dernière lecture : {fetched_at}, trop ancienne pour s’y fier",
    "permission_missing": "le jeton de {source} n’a pas {privilege} sur {path} ou en dessous, ce qui cache {hides}",
    "no_guest_visible": "aucun invité n’est visible : {source} n’en a pas, ou son jeton n’en voit aucun (VM.Audit sur /vms)",
    "partial_view": "vue partielle : le jeton de {source} n’a pas {privilege} sur {path} ou en dessous ; des invités peuvent être "
    "cachés",
    "node_offline": "le nœud {node} de {source} est hors ligne : ses invités ne sont pas sauvegardés avant son retour",
    "coverage_disagreement": "PVE sélectionne d’autres invités pour la tâche {job} (nous seuls : {ours} ; PVE seul : {theirs})",
    "coverage_disagreement.all": "la liste PVE des invités sans tâche diffère (nous seuls : {ours} ; PVE seul : {theirs})",
    "conflicting_policies": "des tâches sauvegardent les mêmes invités ({count}) sur le stockage {storage} selon des rétentions "
    "différentes ({policies}) : chaque élagage supprime ce qu’une autre tâche veut garder",
    "pbs_not_configured": "le stockage {storage} de {source} est sur le serveur de sauvegarde {server}, que vzcover n’est pas chargé de "
    "lire : on ne sait quelles sauvegardes s’y trouvent",
    "folder_not_listed": "la tâche {job} de {source} écrit dans le dossier {folder}, qu’aucune API ne liste : les sauvegardes qui s’y "
    "trouvent ne sont pas connues",
    "notes_not_read": "des notes d’invités de {source}, qui peuvent les exempter, n’ont pas encore été lues",
    "ambiguous_groups": "groupes de sauvegardes dans {datastore} sur {server} peut-être d’un invité, sans que rien dise duquel : {count}",
    "datastore_unreadable": "l’entrepôt {datastore} de {source} n’est pas utilisable comme prévu : {message}",
    "drills_unreadable": "comptes rendus d’essais de restauration illisibles ({count}) : {message}",
    "oracle_refused": "PVE refuse d’évaluer la tâche {job} : {message}",
    "oracle_refused.all": "PVE refuse de lister les invités sans tâche : {message}",
    "oracle_silent": "PVE évalue la tâche {job}, qui selon nous ne peut pas s’exécuter",
    "oracle_silent.all": "PVE liste les invités sans tâche alors que selon nous une tâche ne peut pas s’exécuter",
    "storages_file_unreadable": "le fichier des stockages PBS est inutilisable, seul ce qu’il disait avant peut être comparé : {message}",
    "history_unavailable": "l’historique n’a pas pu être utilisé : {message}",
}

ISSUE_REMEDIES = {
    "source_down": "Vérifier qu’un de ses hôtes répond, et que l’adresse, le certificat et le jeton de la configuration sont bons",
    "collector_failed": "La dernière bonne réponse sert tant qu’elle est assez récente ; ensuite ses invités sont indéterminés",
    "facts_stale": "Chercher pourquoi la lecture échoue ; ce qui en dépend est indéterminé d’ici là",
    "permission_missing": "pveum acl modify {path} --tokens {token} --roles {role} (l’utilisateur du jeton en a besoin aussi)",
    "permission_missing.pbs": "proxmox-backup-manager acl update {path} {role} --auth-id {token} (l’utilisateur du jeton en a "
    "besoin aussi)",
    "no_guest_visible": "pveum acl modify / --tokens {token} --roles PVEAuditor (l’utilisateur du jeton en a besoin aussi)",
    "partial_view": "pveum acl modify {path} --tokens {token} --roles {role} ; "
    "si c’est déjà le cas, chercher l’entrée plus profonde qui le refuse : pveum acl list",
    "node_offline": "Remettre le nœud en ligne ; une exécution manquée n’est rattrapée que par les tâches « repeat missed »",
    "coverage_disagreement": "Ne se fier à aucune des deux ; le signaler comme défaut de vzcover, avec le rapport JSON",
    "conflicting_policies": "Donner à ces tâches une seule rétention, ou aucune et la régler sur le stockage : "
    "pvesm set {storage} --prune-backups keep-daily=7",
    "pbs_not_configured": "L’ajouter sous pbs: dans la configuration de vzcover, avec l’hôte {server} et un jeton qui a DatastoreAudit",
    "folder_not_listed": "Donner à la tâche {job} un stockage au lieu du dossier : pvesh set /cluster/backup/{job} --storage NAME "
    "--delete dumpdir",
    "notes_not_read": "Elles seront lues plus tard, toutes en refresh.guest_config_interval",
    "ambiguous_groups": "Donner à chaque grappe son propre espace de noms : pvesm set STORAGE --namespace NAME",
    "datastore_unreadable": "L’examiner sur le PBS : proxmox-backup-manager datastore show {datastore} ; son contenu ne peut être jugé "
    "d’ici là",
    "drills_unreadable": "Corriger ou supprimer ces fichiers : voir docs/drills.md",
    "oracle_refused": "Réparer ce que PVE nomme ; si tout y est correct, le signaler comme défaut de vzcover, avec le rapport JSON",
    "oracle_silent": "Vérifier la tâche à la main ; le signaler comme défaut de vzcover, avec le rapport JSON",
    "storages_file_unreadable": "Corriger le fichier : vzcover storages validate --file FICHIER",
    "history_unavailable": "Corriger ce qui est nommé ; d’ici là, les jours antérieurs sont inconnus et rien n’est conservé",
}
