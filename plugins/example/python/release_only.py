#!/usr/bin/python3
"""A verifier plugin for mmpush in one file: it refuses pre-releases (1.0~rc1).

It needs Debian's python3-grpcio, python3-protobuf and python3-cryptography. To make
a verifier of your own, change NAME, VERSION and verify; the rest is the protocol of
plugins/pluginpb/plugin.proto.
"""
import base64, datetime, json, os, re, sys, threading, zlib
from concurrent import futures

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

NAME, VERSION = "release-only", "1.0.0"

config = {}  # what the settings have under "config:"


def verify(upload):
    """Yields a finding for each thing that is wrong. upload is a message Upload;
    its files are in the folder upload.folder."""
    pattern = config.get("pattern", r"~|alpha|beta|rc[0-9]")
    if re.search(pattern, upload.manifest.version):
        yield pb.Finding(
            code="RELEASE-ONLY", file=upload.name, field="version", actual=upload.manifest.version,
            message="this repository has no pre-releases", hint="publish it where testers look")


def configure(text):
    """Takes the configuration, a JSON object or nothing; raises ValueError if it
    cannot be used."""
    config.update(json.loads(text or b"{}"))
    unknown = set(config) - {"pattern"}
    if unknown:
        raise ValueError("unknown: " + ", ".join(sorted(unknown)))


# The messages: the descriptor of plugin.proto, made by
# MMPUSH_GOLDEN=write go test ./plugins
PROTO = """
eJzEWs9zI0f139GMpNGzZGs7+91VvPkmm0lCJUuy2XjJJlVAwF7LseNd22l7NywFpRpr2tZgaUZMj+yYKk7cOFBw4kiFCjeKglRx
48h/QHHjTBVX/gLq9Y9RjzVje0OqOGne6093v379+r3XrwXN8XByGEZ3xkmcxqQ9Go0nfHBHMY/f8d6HhVXG+0m4zyj78YTxlLwG
8xLWO2YJD+OoY92yXm/QluQ+kUzvMwva0658HEecEQJO5I+Y6iG+SQfqeqCKYGsS0UdhFHRsicZvnP2YJeFByHhvPPQj3nFuWa+7
tKW5O8gkr8J8xFjAe1HcOwiHjHeqAtYU3K14DXnePWg/iKOD8HCSZMt7Ceb6gtf7EVdra1KQrI94HHkrcNXopBb2FlRZksSJwM8t
3bhzVpN3uthMJcpbhtYTlPdUz3oXapPxMPYDNUBndoDHop0qnMfhqhwCF6yHuQ0OKkUNcn12EAEWGPIiQMLGMQ/TODkVqm9Rg4Pa
Pw7ZidC+Q8W39wcLmnLW5YifsIS8C/WDMArC6FDN+fzsnGsSsH6Faix5E5wgjpiYtVDO1Thi61eoQJG3tXLtc5W7fkWpd8WFmi/k
8zxwcCiyCK6amwtBWzSjvZdh7knITrQO9botY93vQWsljPzk9BxQZtyVqXF7KzCvOypLuQu1fcEp32nVQ+G8H8JVwQkZ3z44T4Dr
UOPxJOlrERRFXoAGT/p84C+9e18dpinD+wHM7wocP2/s++ByNmT9NE7Uri3OCr6rEDTDejvgau4znn5cjSmyorwPoLnlj86XVmz3
kBnbkdHea9BS/dWOXIMqNsij51JJeCsAch8ehjwl3wB3X+1Bx7pln7tvGdL7LoBUrRhjCepyQ84ZQsKpBnr/rkBNDvsltCdtwS63
BeeMLaAqDgcxT4W3bFBJkFehxScjCcGPTk06/BwTZQnYmEUB79SlLIpET8NPuW50RaPBIbdgLhCRYpziShoCYLJy+wn5/US98PAn
rDN3y3rdpuLbsJ2maTuITdmnaaclvLr4Jm2wE/+kMy9Y+Ol9bkFNbsQzKt0U0y4R0ykUs1ooZm1WzPpUzF9aMLcz4QN9EK5DLfWT
Q5YqaRVF3oN6LNTI1cn9/4K4MOGDbQmiGm0EJfuSQekLJZIaClWVsP1JONSHS5Noh0F8Eh0mfiCPqEunDHITGql/xHrxMZNe36Uu
MraPWUJuQD1ITnvJJFKxvxYkp3QSYa9h3D/qnfihtGCbusj4xA9TFGWcxIeJP1Lmq0nvtxUAFFqFtPfBFS2Mc+WiCzzdjkKsX6EZ
mixCHafGYCgMAyOeYpAlqGFsTdJyXVLRvn6FKuQ07jmXi3sYjTmT0bhaFo13WRaNFZZ0oBbFadhnUjMogaSNQPo7C+qqK3oJnvqH
+lRIAo0WjV2HP/xGk4wmo321iVWqKBxBZmWOYEsCRxBZgdw6GfuvQTWNU38oRLOpJHAz+VE4HrNAHAibahIzFFdvTiaSZYhEjNRj
ZhLbnGQqvFMsfNUU/nlw/eGwJ8aWstb94VAkHzehgU1yCikvYveQ9v5pQU2eoizftYx8tyCpQMEO4mGgtNqgiiJvTrVqF6dVmPZq
ge+DO/Kj8IApd19o548UgmZY7JewPguPWdCpiYkK+lGFoBnWWwNnTW3AjEvVzrFS6Bzz8f+PFrharGf0z/dzQXFu6cXyBQtN6aD5
QZazSc1+rbzfctIfhCnrp3g70BncPjTNcQulni63cjYWCNXYhmoIOMMwYsouxbf3U7hWJEPhXN8Gd+z3j/xDhiEBV/Ry+Yp2JJJm
XbLpbWP6ESyc6VA485LhJC7Wf3ZiZ6b7cwVcbWN468mOebnZZ4P5SX+gzxN+k5ehqdbWM0L3nOJhsijOfDyJAhVxJIF3Rb+fTvxh
T2yR9FsgWbu4Ua9ASwPk3srQ01QQucP3oK6mEs6h0GvrTdBI8q5xoXHFFpbfvIy7zr8sqOv9QQfAUj/wU7880D1SCJphUd1hdBCX
X942ooOYCgwqQGaJvdxZbkqmUsAS1EcMXav2XAXB8ZEAUA3EPQtYPw5YYOp+TvFQ+d7PKuBq8ckb0NYLOFO3WND8J9Oyw4zLNXyK
XZZoO+WJdvVson25lBoN8+gQFdkb++lA5dVzirfjpwM0QaVggdDJtWAhwPuHBQ5uyP/w/nAmv6/N5vdf+u7g/dyCmrSN3AKb08Ay
DKMjsbqm8B1HZR51FAdyD1tUfJO74KSnY2la80svlNnk3umYUYH0fmGDszP0IzwiLAjTco/UDcKUCgx5B5zxJNWOuCg3H/pRxALp
xBCKGX3C0jBhvGNfppdGo6sJkljkTU6Z01iVAKqR5JtGtKiKXi+VJa+zscL0U7VL+yk0v4TxyTBV9qAo8hZU/SBggfJ5BSnxMjZT
ifJ+bUFVMC6dW51/0E2z1wF6elKq5Seldrbq4sOcsUNlSZE400o8/C603RLBvFOoq73ExCdXdCoIvBsRZ0maLz0ZCVNpwJb9VN1C
ob2/2uCgiaP/RzPq5YonDdpEpi5qkQ9A0D1dHZEn4WZZdWSTndI57KDKVuQBtBM2Hvp9Np3HvqBIs6B6ZEJ8CAuhWMp0DHlELtLV
fDilcKAuKE62nur54yjdtUKD4mQZFvwx+ripPLUL1jQvO2SSfAcUJ5OkfkHdqSXxSgbvY2hkKv+Kqnffg6apPcTts4M40eMqyiiT
Vi5ZJp3okVXp5l5u5AvsyZg2Z/DlqtKm/qsK1JX/QhVh+qFVhN+ycHrMkjCVS5kvLpxKBM2w2d3Vzt9dz+b98jbKhoEOuYIgi+Cy
T8esn4pLmqhEaRpVLvNP7VslhZs5YpxjHirjrCZx3kEYpaoyJ75xBvXkkuiSnKa93zhQkwHBcORWzpEvGrdPVaHNbpj5lwmpAPNl
woOmb1xxlNvL8XCMQxaxxBcpR1XUhg2OKLGFI31VF9+5QFd/1kD3Esztn6aM93R8EncBwZIR6BVoSYAMxoHQpk2bgkklLxcu4fLh
EqMbG6eiBorRjY2F5idREDOua6CSIm2wOZMl0AbFT/ItaGbaRT8zX+Yl5NppDo05ha56LZRdXz6RgKwc5v3NgrpiknmohDowV8JA
C1iZCliWjBruxylzP/nK6ptQHftJqn1p0QuZn6RUgsSJCDnHpdVF3NIknrpJlIZDtc+S8P5igYP9ZyzUKrDQ805AG+yTQaxWi5+Y
TaSJH3FRQlR5d8bIrLlqWLNOFWpGqvACNMaT/WHIB6py5tIpAy+HrZx5fwVZ0yK444Qdh/GEK7EzekZL1QItSWc1vTYoKnOP9bx7
FCt2C5OjRi4OfW5BVVRPTbdnFbu9iuH2itzy20pLjnDvBXFGTLQZRsFUhSJOVI04kRVVa0ZR9fZnFsD0mkFuwo1H3UcrXdrbe7rT
7T3e2t3pPthY2+iutq+Qa9A2G9c2HnbbFrkOJMfdfrjape0KuQHPmfzdp48ebmxttm3SgWtmw/oyXRUtDvk/uGq2bO+td2m7etsH
V8cv7LzbfdKlG3tPz0hHYD5r6VK6TdsWSpzxPlmmWxtbH7Yr5Cq0Mu7W9l63bd/+woJGpkQUXYzQ29zYWu1tbO116dbyQ6kBo+Hx
7vKHqIE8nHY/6j7Y665KFRgND7a31h5uPNhr27hQo2G1u4VLcHBxBnuPLm/t7mzTvXaVPAcLRsvK492n7drSnyyo7QgbIB+Dq/8L
QQpKbWf+YrHonQdRr5Z70Mj+hkAKOpz9Y8PiK+di5KhLv7fAfaLCONmEmnzsJwVxMPf/hcWC5Nb8n8Bdi+wCTP+vQAqEmfk3w8WD
Lv3dBqDTxGAzeywtEDj3gL94qxygFPyxegAWz+5FAs88yi8W1Aimb8h3LbIJdZ3eF8yff4UvGmz6mHzXIutQFe/YpEBN5gP5YoEu
8g/gq2AvD4ekoIhg/C/iwsV9BI1VPzpkCbr2/26sJQqNvSy4dcHZmfBB0ZjG82fRmNNXvbvWyte//8ZhmA4m+3f68ehtidU/sgtX
v+P9/Zr4Q9S9/wQAAP//eZCo+g==
"""


def messages():
    """The message classes of plugin.proto."""
    file = descriptor_pb2.FileDescriptorProto.FromString(zlib.decompress(base64.b64decode(PROTO)))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    make = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    classes = {m.name: make(pool.FindMessageTypeByName(file.package + "." + m.name)) for m in file.message_type}
    return type("pb", (), classes)


pb = messages()


def describe(request, context):
    return pb.DescribeResponse(name=NAME, version=VERSION, kind="verifier")


def do_configure(request, context):
    try:
        configure(request.config_json)
    except ValueError as e:
        return pb.ConfigureResponse(error=pb.Error(message=str(e)))
    return pb.ConfigureResponse()


def do_verify(request, context):
    try:
        count = 0
        for finding in verify(request.upload):
            count += 1
            yield pb.VerifyAnswer(finding=finding)
        yield pb.VerifyAnswer(done=pb.Done(findings=count))
    except Exception as e:  # mmpush publishes nothing without an answer
        yield pb.VerifyAnswer(error=pb.Error(message="defect: %r" % e))


def service(name, **methods):
    """A gRPC service; a method is (function, request class, streams its answer)."""
    handlers = {}
    for method, (do, request, stream) in methods.items():
        kind = grpc.unary_stream_rpc_method_handler if stream else grpc.unary_unary_rpc_method_handler
        handlers[method] = kind(do, request_deserializer=request.FromString, response_serializer=lambda m: m.SerializeToString())
    return grpc.method_handlers_generic_handler(name, handlers)


def certificate():
    """A key and a certificate for this one run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1)).not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return text, cert.public_bytes(pem), cert.public_bytes(serialization.Encoding.DER)


def main():
    if os.environ.get("MMPUSH_PLUGIN") != "started-by-mmpush":
        sys.exit("This is a plugin of mmpush: mmpush plugin check " + sys.argv[0])
    if "1" not in os.environ["PLUGIN_PROTOCOL_VERSIONS"].split(","):
        sys.exit("this plugin speaks version 1 of the protocol, and mmpush " + os.environ["PLUGIN_PROTOCOL_VERSIONS"])
    key, cert, der = certificate()
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 256 << 20)])
    ended = threading.Event()

    def shutdown(request, context):
        ended.set()
        return b""

    raw = lambda b: b
    server.add_generic_rpc_handlers((
        service("mmpush.plugin.v1.Plugin", Describe=(describe, pb.DescribeRequest, False),
                Configure=(do_configure, pb.ConfigureRequest, False)),
        service("mmpush.plugin.v1.Verifier", Verify=(do_verify, pb.VerifyRequest, True)),
        grpc.method_handlers_generic_handler("plugin.GRPCController", {
            "Shutdown": grpc.unary_unary_rpc_method_handler(shutdown, raw, raw)}),
    ))
    # Only mmpush is let in: its certificate is the one that signs.
    mutual = grpc.ssl_server_credentials([(key, cert)], os.environ["PLUGIN_CLIENT_CERT"].encode(), require_client_auth=True)
    socket = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "plugin")
    server.add_secure_port("unix:" + socket, mutual)
    server.start()
    print("1|1|unix|%s|grpc|%s" % (socket, base64.b64encode(der).decode().rstrip("=")), flush=True)

    def follow():  # mmpush has died if this ends
        sys.stdin.buffer.read()
        ended.set()

    threading.Thread(target=follow, daemon=True).start()
    ended.wait()
    server.stop(0.1).wait()


main()
