# Prints "name type" for every record of master files: what a load test can ask for.
# Usage: awk -f names.awk FILE...   Each file is named <origin>.zone, as the server wants it.
# Left out: SOA and NS, which resolvers seldom ask for; $INCLUDE and $GENERATE.

function absolute(name) {
    if (name == "@") return origin
    if (name ~ /\.$/) return name
    return origin == "." ? name "." : name "." origin
}

# The line without its comment, and how many parentheses stay open behind it.
function plain(line,    i, c, out, quoted) {
    out = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (c == "\\") { out = out c substr(line, ++i, 1); continue }
        if (c == "\"") quoted = !quoted
        else if (!quoted && c == ";") break
        else if (!quoted && c == "(") { open_parens++; c = " " }
        else if (!quoted && c == ")") { open_parens--; c = " " }
        out = out c
    }
    return out
}

FNR == 1 {
    origin = FILENAME
    sub(/.*\//, "", origin)
    sub(/\.zone$/, "", origin)
    if (origin !~ /\.$/) origin = origin "."
    owner = origin
    record = ""
    open_parens = 0
}

{
    record = record (record == "" ? "" : " ") plain($0)
    if (open_parens > 0) next
    line = record
    record = ""
    fields = split(line, field, /[ \t\r]+/)
    at = 1
    if (line ~ /^[ \t]/) at = 2
    if (at > fields || field[at] == "") next
    if (field[at] == "$ORIGIN") { origin = absolute(field[at + 1]); next }
    if (field[at] ~ /^\$/) next
    if (at == 1) owner = absolute(field[at++])
    while (at <= fields && (toupper(field[at]) ~ /^(IN|CH|HS)$/ || field[at] ~ /^([0-9]+[smhdwSMHDW]?)+$/)) at++
    type = toupper(field[at])
    if (type !~ /^[A-Z][A-Z0-9-]*$/ || type == "SOA" || type == "NS") next
    name = owner
    sub(/^\*/, "any", name)
    print name, type
    if (line !~ /;/ && type == "CNAME") print name, "A"
}
