package device

import (
	_ "embed"
	"encoding/csv"
	"strings"
	"sync"
)

//go:embed communities.csv
var communitiesCSV string

//go:embed snmpusers.csv
var snmpUsersCSV string

// snmpUsers are the rows of the list that comes with the program.
var snmpUsers = sync.OnceValue(func() []Default {
	in := csv.NewReader(strings.NewReader(snmpUsersCSV))
	in.Comment = '#'
	in.FieldsPerRecord = 4
	rows, err := in.ReadAll()
	if err != nil || len(rows) < 2 {
		panic("device: the embedded snmpusers.csv is faulty")
	}
	var out []Default
	for _, row := range rows[1:] {
		out = append(out, Default{User: row[0], Password: row[1], Source: row[2], Date: row[3], Agent: true})
	}
	return out
})

// SNMPUsers are the users of SNMPv3 that are published as defaults; those without a
// password are tried without one.
func SNMPUsers() []Default { return append([]Default(nil), snmpUsers()...) }

// communities are the rows of the list that comes with the program.
var communities = sync.OnceValue(func() []Default {
	in := csv.NewReader(strings.NewReader(communitiesCSV))
	in.Comment = '#'
	in.FieldsPerRecord = 3
	rows, err := in.ReadAll()
	if err != nil || len(rows) < 2 {
		panic("device: the embedded communities.csv is faulty")
	}
	var out []Default
	for _, row := range rows[1:] {
		out = append(out, Default{Password: row[0], Source: row[1], Date: row[2], Community: true})
	}
	return out
})

// Communities are the SNMP communities that are published as defaults.
func Communities() []Default { return append([]Default(nil), communities()...) }
