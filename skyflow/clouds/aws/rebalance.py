"""What AWS announces to a spot machine alone."""

from __future__ import annotations

REBALANCE_SCRIPT = """\
metadata=http://169.254.169.254/latest
ask() { curl --silent --fail --max-time 2 "$@"; }
recommended() {
  token=$(ask -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $metadata/api/token) &&
    told=$(ask -H "X-aws-ec2-metadata-token: $token" \\
      $metadata/meta-data/events/recommendations/rebalance)
}
until recommended; do
  read -r -t 5
  [ $? -gt 128 ] || exit 0
done
printf 'rebalance recommendation: %s' "$told"
"""
"""Prints the machine's rebalance recommendation: that it is likelier than before to be interrupted,
often said earlier than the interruption notice. AWS recommends to look every 5 seconds (Amazon EC2
User Guide, EC2 instance rebalance recommendations)."""
