{{/* What can be known before anything is asked of the cluster; each failure is one sentence. */}}
{{- define "codebay.checks" -}}
{{- $v := .Values }}
{{- if not $v.evaluation.enabled }}
{{- if not $v.store.existingSecret }}{{ fail "codebay: there is no store; create a Secret with the key `url` (mysql://user:password@host:port/database) and name it by store.existingSecret, or use values-evaluation.yaml." }}{{ end }}
{{- if not $v.cos.existingSecret }}{{ fail "codebay: there is no object store; create a Secret with COS's key pair and name it by cos.existingSecret, or use values-evaluation.yaml." }}{{ end }}
{{- range list "CODEBAY_COS_REGION" "CODEBAY_COS_CODE_BUCKET" "CODEBAY_COS_LOGS_BUCKET" "TEMPORAL_ADDRESS" }}
{{- if not (index $v.settings .) }}{{ fail (printf "codebay: set settings.%s (docs/SETTINGS.md says what it is), or use values-evaluation.yaml." .) }}{{ end }}
{{- end }}
{{- end }}
{{- if and $v.ingest.enabled (not $v.settings.CODEBAY_KAFKA_BROKERS) }}{{ fail "codebay: ingest takes tasks from Kafka; set settings.CODEBAY_KAFKA_BROKERS, or ingest.enabled to false." }}{{ end }}
{{- if eq (include "codebay.runsNamespace" .) .Release.Namespace }}{{ fail "codebay: runs need a namespace of their own, because no other Secret may live there; set runs.namespace.name to another than the release's." }}{{ end }}
{{- if and $v.evaluation.enabled (or (gt (int $v.api.replicas) 1) (gt (int $v.gateway.replicas) 1) (gt (int $v.worker.replicas) 1)) }}{{ fail "codebay: in the evaluation all services share one volume of one node; leave api.replicas, gateway.replicas and worker.replicas at 1." }}{{ end }}
{{- end }}
